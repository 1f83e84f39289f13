// Completion as users have it: the scripts run in real shells, against the real command, with a
// relay that lists hostile names.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { describe, test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { createCredential, RelayClient } from '../../src/portal/index.ts';
import { childEnvironment } from '../helpers/child-environment.ts';
import { runCli, temporaryDirectory } from '../helpers/cli.ts';
import { needs } from '../helpers/needs.ts';
import { startRelay } from '../helpers/published-demo.ts';

type Shell = 'bash' | 'fish' | 'zsh';

/** Commands that print the candidates for the words in the arguments, the last one incomplete. */
const drivers: Readonly<Record<Shell, (script: string, words: readonly string[]) => string[]>> = {
  bash: (script, words) => [
    '-c',
    `source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _portal_gateway; printf '%s\\n' "\${COMPREPLY[@]}"`,
    ...[script, ...words],
  ],
  fish: (script, words) => [
    '--no-config',
    '-c',
    'source $argv[1]; complete -C $argv[2] | string replace -r "\\t.*" ""; or true',
    ...[script, words.join(' ')],
  ],
  // The functions of zsh's completion system need a line editor; these print what they receive.
  zsh: (script, words) => [
    '-f',
    '-c',
    `compdef() { : }; source "$1"; shift
words=("$@"); CURRENT=$#; cur="\${words[CURRENT]}"
offer() { local name; for name in "$@"; do [[ $name == "$cur"* ]] && print -r -- "$name"; done; return 0 }
compadd() { shift; offer "$@" }
_files() { offer *(N) }
_describe() { local list="\${@[-1]}"; offer "\${(@)\${(@P)list}%%:*}" }
_portal_gateway`,
    ...['zsh', script, ...words],
  ],
};

interface Case {
  readonly line: string;
  readonly candidates: readonly string[];
}

const cases: readonly Case[] = [
  { line: 'ke', candidates: ['keys'] },
  { line: 'exp', candidates: ['explain', 'expose'] },
  { line: 'comple', candidates: ['completion'] },
  { line: 'keys r', candidates: ['revoke', 'rotate'] },
  { line: 'leases a', candidates: ['accept'] },
  { line: '--po', candidates: ['--port'] },
  { line: 'keys create --exp', candidates: ['--expires'] },
  { line: 'completion ', candidates: ['bash', 'fish', 'zsh'] },
  { line: 'help val', candidates: ['validate'] },
  { line: 'validate gate', candidates: ['gateway.yaml'] },
  { line: 'start --config gate', candidates: ['gateway.yaml'] },
  { line: 'start --port ', candidates: [] },
  { line: 'keys rotate -c gateway.yaml ', candidates: ['billing-bot', 'inline-key'] },
  { line: 'keys revoke --file keys.yaml ', candidates: ['billing-bot'] },
  { line: 'explain -c gateway.yaml --key in', candidates: ['inline-key'] },
  { line: 'explain -c gateway.yaml --lease ', candidates: ['from-rule', 'on-relay', 'größe'] },
  { line: 'leases accept --relay RELAY on', candidates: ['on-relay'] },
  { line: 'explain -c missing.yaml --key ', candidates: [] },
];

/** A shell that takes one of them for a command creates the file `pwned`. */
const hostileNames = [
  '$(touch pwned)',
  '`touch pwned`',
  'a;touch pwned',
  '-rf',
  "it's",
  'two words',
  'a\ntouch pwned',
  'größe\ufe0f',
];

interface Place {
  readonly directory: string;
  readonly relay: string;
}

async function place(t: TestContext): Promise<Place> {
  const { url: relay } = await startRelay(t);
  const directory = await temporaryDirectory(t);
  const names = ['on-relay', 'größe', ...hostileNames];
  await Promise.all(names.map((name) => publish(t, relay, name)));
  const rules = 'lease_acl: { from-rule: [inline-key], "wild-*": ["*"], "$(touch pwned)": ["*"] }';
  const keys = 'auth: { keys_file: keys.yaml, keys: [{ id: inline-key, key: "${KEY}" }] }';
  await writeFile(join(directory, 'gateway.yaml'), `${rules}\n${keys}\nportal: { relay_url: ${relay} }\n`);
  const file = join(directory, 'keys.yaml');
  const out = join(directory, 'out');
  const made = await runCli(t, ['keys', 'create', 'billing-bot', '--file', file, '--out', out, '--cost', '10'], {});
  assert.equal(made.code, 0, made.stderr);
  await mkdir(join(directory, 'bin'));
  const main = join(import.meta.dirname, '../../src/main.ts');
  const command = `#!/bin/sh\nexec '${process.execPath}' '${main}' "$@"\n`;
  await writeFile(join(directory, 'bin', 'portal-gateway'), command, { mode: 0o755 });
  return { directory, relay };
}

async function publish(t: TestContext, url: string, name: string): Promise<void> {
  const credential = createCredential();
  const { promise: published, resolve } = Promise.withResolvers<undefined>();
  const client = new RelayClient({
    url,
    credential,
    log: ({ type }) => {
      if (type === 'published' || type === 'publish_failed') resolve(undefined);
    },
  });
  t.after(() => client.close());
  client.listen({ name, credential, alpn: ['http/1.1'] });
  await published;
}

for (const shell of ['bash', 'zsh', 'fish'] as const) {
  const { path, skip } = needs(shell);
  describe(`completion in ${shell}`, { skip }, () => {
    test('completes commands, options, files, lease names and key ids, and expands none', async (t) => {
      const { directory, relay } = await place(t);
      const script = join(directory, 'script');
      const printed = await runCli(t, ['completion', shell], {});
      await writeFile(script, printed.stdout);
      const env = childEnvironment({
        ...{ HOME: directory, XDG_STATE_HOME: directory, LANG: 'C.UTF-8' },
        PATH: [join(directory, 'bin'), '/usr/bin', '/bin'].join(':'),
      });
      for (const { line, candidates } of cases) {
        const words = ['portal-gateway', ...line.replace('RELAY', relay).split(' ')];
        const args = drivers[shell](script, words);
        const { stdout } = await promisify(execFile)(path, args, { env, cwd: directory });
        const found = stdout.split('\n').filter((text) => text !== '');
        assert.deepEqual(found.sort(), [...candidates].sort(), line);
      }
      const left = await promisify(execFile)('ls', [directory]);
      assert.doesNotMatch(left.stdout, /pwned/);
    });
  });
}

test('the script for zsh loads without compinit', { skip: needs('zsh').skip }, async (t) => {
  const directory = await temporaryDirectory(t);
  const script = join(directory, 'script');
  await writeFile(script, (await runCli(t, ['completion', 'zsh'], {})).stdout);
  const args = ['-f', '-c', 'source "$1"; print -r -- "${_comps[portal-gateway]}"', 'zsh', script];
  const env = childEnvironment({ HOME: directory });
  const { stdout, stderr } = await promisify(execFile)(needs('zsh').path, args, { env, cwd: directory });
  assert.deepEqual([stdout, stderr], ['_portal_gateway\n', '']);
});

describe('the names of files, completed by Tab in bash', { skip: needs('bash').skip || needs('script').skip }, () => {
  for (const [where, setup] of [
    ['with compopt', ''],
    ['without compopt, as on macOS', 'enable -n compopt\n'],
  ] as const) {
    test(where, async (t) => {
      const directory = await temporaryDirectory(t);
      const { stdout: script } = await runCli(t, ['completion', 'bash'], {});
      await writeFile(join(directory, 'script'), script);
      await mkdir(join(directory, 'files', 'my dir'), { recursive: true });
      const names = ['gate way.yaml', "it's.yaml", 'x$(touch pwned).yaml'];
      for (const name of names) await writeFile(join(directory, 'files', name), '');
      const cases: readonly (readonly [typed: string, words: readonly string[]])[] = [
        ['validate gate', ['validate', 'gate way.yaml']],
        ['validate it', ['validate', "it's.yaml"]],
        ['start --config my', ['start', '--config', 'my dir/']],
        ['validate x', ['validate', 'x$(touch pwned).yaml']],
        ['valida', ['validate']],
      ];
      // Ctrl-A puts another command in front of the completed line, Ctrl-E returns to its end.
      const typed = cases.map(([line]) => `portal-gateway ${line}\t\u0001printf '%s\\0' \u0005 'END' >> ../words\n`);
      const child = spawn(needs('script').path, ['-qec', 'bash --norc --noprofile -i', '/dev/null'], {
        cwd: join(directory, 'files'),
        env: { HOME: directory, PATH: '/usr/bin:/bin', TERM: 'xterm', INPUTRC: '/dev/null' },
        stdio: ['pipe', 'ignore', 'inherit'],
        // A quote that is left open keeps the shell waiting.
        timeout: 30_000,
        killSignal: 'SIGKILL',
      });
      child.stdin.end(`${setup}source ../script\n${typed.join('')}exit\n`);
      await once(child, 'close');
      const words = (await readFile(join(directory, 'words'), 'utf8')).split('\0').slice(0, -1);
      assert.deepEqual(
        words,
        cases.flatMap(([, completed]) => ['portal-gateway', ...completed, 'END']),
      );
      assert.deepEqual((await readdir(join(directory, 'files'))).sort(), [...names, 'my dir'].sort());
    });
  }
});

test('complete ends soon and prints nothing when the relay is not there', async (t) => {
  const startMs = performance.now();
  const { code, stdout, stderr } = await runCli(t, ['complete', 'leases', '--', '--relay', 'ws://192.0.2.1/relay'], {});
  assert.deepEqual([code, stdout, stderr], [0, '', '']);
  assert.ok(performance.now() - startMs < 20_000);
});
