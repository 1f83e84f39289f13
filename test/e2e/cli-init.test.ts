// `init` as a newcomer and a script run it: what it writes is valid, and usable at once.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { describe, test, type TestContext } from 'node:test';
import { childEnvironment } from '../helpers/child-environment.ts';
import { runCli, temporaryDirectory, type CliResult } from '../helpers/cli.ts';

const main = join(import.meta.dirname, '../../src/main.ts');
const relay = 'wss://relay.example.com/relay';

interface Place {
  readonly directory: string;
  readonly config: string;
  readonly run: (args: readonly string[], environment?: Record<string, string>) => Promise<CliResult>;
}

async function place(t: TestContext): Promise<Place> {
  const directory = await temporaryDirectory(t);
  const run = (args: readonly string[], environment: Record<string, string> = {}): Promise<CliResult> =>
    runCli(t, args, { XDG_STATE_HOME: directory, ...environment });
  return { directory, config: join(directory, 'gateway.yaml'), run };
}

/** Types `lines` at a pseudo terminal, each once the next prompt is there. */
async function typed(t: TestContext, args: readonly string[], lines: readonly string[]): Promise<CliResult> {
  const program = `
import os, pty, sys
lines = sys.argv[1].split("|")
pid, fd = pty.fork()
if pid == 0: os.execv(sys.argv[2], sys.argv[2:])
seen = b""
while True:
    try: data = os.read(fd, 4096)
    except OSError: break
    if not data: break
    seen += data
    if seen.rstrip(b" ").endswith(b"]:") and lines:
        line = lines.pop(0)
        os.write(fd, {"^C": b"\\x03", "^D": b"\\x04"}.get(line, line.encode() + b"\\n"))
        seen += b"\\n"
sys.stdout.buffer.write(seen)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`;
  const child = spawn('python3', ['-c', program, lines.join('|'), process.execPath, main, ...args], {
    env: childEnvironment({ PATH: process.env['PATH'], HOME: '/nonexistent', NO_COLOR: '1', TERM: 'xterm' }),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.after(() => child.kill('SIGKILL'));
  const texts = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (text: string) => (texts[name] += text));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, ...texts };
}

describe('init with options', () => {
  test('--force follows no link', async (t) => {
    const { directory, config, run } = await place(t);
    const victim = join(directory, 'victim');
    await writeFile(victim, 'untouched', { mode: 0o600 });
    await symlink(victim, config);
    const { code, stderr } = await run(['init', config, '--yes', '--force', '--key', 'anonymous']);
    assert.equal(code, 1);
    assert.match(stderr, /is a symbolic link; name the file that it leads to\n$/);
    assert.equal(await readFile(victim, 'utf8'), 'untouched');
    assert.equal((await stat(victim)).mode & 0o777, 0o600);
  });

  test('writes a valid configuration and a key that it admits', async (t) => {
    const { directory, config, run } = await place(t);
    const keyFile = join(directory, 'key');
    const args = ['init', config, '--relay', relay, '--lease', 'my-app', '--key', 'bot', '--key-file', keyFile];
    const { code, stdout, stderr } = await run(args);
    assert.deepEqual([code, stdout], [0, ''], stderr);
    assert.deepEqual(stderr.trimEnd().split('\n'), [
      `Wrote ${config}.`,
      `Added the key "bot" to ${directory}/keys.yaml. It is in ${keyFile}.`,
      'Next:',
      `  portal-gateway expose 3000 --name my-app --relay ${relay}    # the app on port 3000`,
      `  portal-gateway start --config ${config}`,
      `  curl -H "Authorization: Bearer $(cat ${keyFile})" http://127.0.0.1:8080/peer/my-app/`,
    ]);
    assert.equal((await stat(keyFile)).mode & 0o777, 0o600);
    assert.equal((await stat(join(directory, 'keys.yaml'))).mode & 0o777, 0o600);
    const key = (await readFile(keyFile, 'utf8')).trim();
    for (const file of [config, join(directory, 'keys.yaml')]) assert.ok(!(await readFile(file, 'utf8')).includes(key));
    const validated = await run(['validate', '--config', config]);
    assert.deepEqual(
      [validated.code, validated.stdout, validated.stderr],
      [0, `${config} is valid: 1 key, 1 rule, 1 relay\n`, ''],
    );
    const explained = await run(['explain', '--config', config, '--key', 'bot', '--lease', 'my-app']);
    assert.equal(explained.code, 0, explained.stdout);
  });

  test('--yes uses the defaults, with the relay of the environment', async (t) => {
    const { config, run } = await place(t);
    const { code, stdout, stderr } = await run(['init', config, '--yes', '--key-file', '-'], {
      PORTAL_RELAY_URL: relay,
    });
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^sk_live_\w{48}\n$/);
    assert.match(stderr, /It is shown only once\./);
    const text = await readFile(config, 'utf8');
    for (const line of [`  relay_url: ${relay} # `, '  my-app:\n    - my-key\n']) assert.ok(text.includes(line), text);
  });

  test('anonymous needs no key', async (t) => {
    const { config, run } = await place(t);
    const { code, stderr } = await run(['init', config, '--yes', '--key', 'anonymous']);
    assert.equal(code, 0, stderr);
    const { stderr: warnings } = await run(['validate', '--config', config]);
    assert.equal(warnings, '');
    assert.match(stderr, /\n {2}portal-gateway relay /);
  });

  test('--json prints what was written, and the key only if it is in no file', async (t) => {
    const { directory, config, run } = await place(t);
    const keysFile = join(directory, 'keys.yaml');
    const shown = await run(['init', config, '--yes', '--json', '--key-file', '-']);
    assert.deepEqual([shown.code, shown.stderr], [0, '']);
    const { key, ...result } = JSON.parse(shown.stdout) as { readonly key: string };
    assert.match(key, /^sk_live_\w{48}$/);
    const common = { file: config, relay: 'ws://localhost:4017/relay', lease: 'my-app', keys_file: keysFile };
    assert.deepEqual(result, { ...common, key_id: 'my-key', key_created: true, key_file: null });
    const again = await run(['init', config, '--yes', '--force', '--json']);
    assert.deepEqual(JSON.parse(again.stdout), { ...result, key_created: false, key: null });
    const keyFile = join(directory, 'bot.key');
    const filed = await run(['init', config, '--yes', '--force', '--json', '--key', 'bot', '--key-file', keyFile]);
    assert.deepEqual(JSON.parse(filed.stdout), { ...result, key_id: 'bot', key_file: keyFile, key: null });
    const open = await run(['init', config, '--yes', '--force', '--json', '--key', 'anonymous']);
    const none = { key_id: null, key_created: false, keys_file: null, key_file: null, key: null };
    assert.deepEqual(JSON.parse(open.stdout), { ...common, ...none });
  });

  test('never overwrites without --force, and then keeps the key', async (t) => {
    const { directory, config, run } = await place(t);
    await writeFile(config, '# mine\n');
    await chmod(config, 0o640);
    const refused = await run(['init', config, '--yes', '--key-file', '-']);
    assert.deepEqual([refused.code, refused.stdout], [1, '']);
    assert.equal(refused.stderr, `portal-gateway: ${config} exists: name another file, or use --force to replace it\n`);
    assert.equal(await readFile(config, 'utf8'), '# mine\n');
    const forced = await run(['init', config, '--yes', '--force', '--key-file', '-']);
    assert.equal(forced.code, 0, forced.stderr);
    assert.equal((await stat(config)).mode & 0o777, 0o640);
    const again = await run(['init', config, '--yes', '--force']);
    assert.equal(again.code, 0, again.stderr);
    assert.ok(again.stderr.includes(`${directory}/keys.yaml already has the key "my-key", which is unchanged.`));
  });

  for (const [what, args, code, says] of [
    ['no terminal', [], 2, /no terminal to ask for --relay, --lease, --key: use these options, or --yes for their/],
    ['one missing option', ['--relay', relay, '--key', 'a'], 2, /no terminal to ask for --lease: use/],
    ['nowhere to show the key', ['--yes'], 2, /stdout is not a terminal, .* use --key-file FILE, or --key-file - /],
    ['an invalid relay', ['--yes', '--relay', 'nowhere'], 2, /^portal-gateway: --relay: .*nowhere/],
    ['an invalid lease', ['--yes', '--lease', 'my app'], 2, /--lease: the name contains a space; letters, digits,/],
    ['an invalid key', ['--yes', '--key', 'a:b'], 2, /--key: it must have 1 to 64 letters, digits/],
  ] as const) {
    test(`refuses ${what}, and writes nothing`, async (t) => {
      const { config, run } = await place(t);
      const result = await run(['init', config, ...args]);
      assert.deepEqual([result.code, result.stdout], [code, '']);
      assert.match(result.stderr, says);
      assert.equal(result.stderr.trimEnd().split('\n').length, 1);
      await assert.rejects(stat(config));
    });
  }

  test('writes no configuration when the key cannot be written, and no key without configuration', async (t) => {
    const { directory, config, run } = await place(t);
    const taken = join(directory, 'taken');
    await writeFile(taken, '');
    const { code, stderr } = await run(['init', config, '--yes', '--key-file', taken]);
    assert.equal(code, 1);
    assert.match(stderr, /the key cannot be written to .*taken: the file exists/);
    await assert.rejects(stat(config));
    await assert.rejects(stat(join(directory, 'keys.yaml')));

    const elsewhere = await run(['init', join(directory, 'none/gateway.yaml'), '--yes', '--key-file', '-']);
    assert.deepEqual([elsewhere.code, elsewhere.stdout], [1, '']);
    assert.match(
      elsewhere.stderr,
      /none\/gateway\.yaml cannot be written: its directory does not exist; create it first/,
    );

    await mkdir(config);
    const isDirectory = await run(['init', config, '--yes', '--force', '--key', 'anonymous']);
    assert.equal(isDirectory.code, 1);
    assert.match(isDirectory.stderr, /cannot be written: /);
  });
});

describe('init on a terminal', () => {
  test('asks three questions, repeats one with an invalid value, and shows the key', async (t) => {
    const { directory, config, run } = await place(t);
    const { code, stdout } = await typed(t, ['init', config], [relay, 'my app', 'shop', '']);
    assert.equal(code, 0, stdout);
    assert.match(stdout, /URL of the relay .* \[ws:\/\/localhost:4017\/relay\]: /);
    assert.match(stdout, / {2}the name contains a space; letters, digits, "-" and "_" are allowed/);
    assert.match(stdout, /\bsk_live_\w{48}\b/);
    assert.match(await readFile(config, 'utf8'), /\n {2}shop:\n {4}- my-key\n/);
    assert.equal((await run(['validate', '--config', config])).code, 0);
    assert.ok((await stat(join(directory, 'keys.yaml'))).isFile());
  });

  for (const [what, prepare, args, says] of [
    ['the file exists', (d) => writeFile(join(d, 'gateway.yaml'), '# mine'), [], /exists: name another file/],
    ['its directory is missing', (d) => rm(join(d, 'conf'), { force: true }), ['conf/gateway.yaml'], /create it first/],
    [
      'its directory is a file',
      (d) => writeFile(join(d, 'conf'), ''),
      ['conf/gateway.yaml'],
      /is a file; name another/,
    ],
    ['it is a directory', (d) => mkdir(join(d, 'gateway.yaml')), ['--force'], /is a directory; name a file in it/],
    ['it is a link', (d) => symlink('x', join(d, 'gateway.yaml')), ['--force'], /is a symbolic link; name the file/],
    ['others may replace the keys file', (d) => chmod(d, 0o777), [], /the keys file .* is refused: .*chmod/],
    [
      'the keys file is broken',
      (d) => writeFile(join(d, 'keys.yaml'), '[', { mode: 0o600 }),
      ['--key', 'a'],
      /keys\.yaml:/,
    ],
    ['the key file exists', (d) => writeFile(join(d, 'key'), ''), ['--key-file', 'key'], /name a new one/],
    ['the directory of the key is missing', () => undefined, ['--key-file', 'no/key'], /create it first/],
  ] as const satisfies readonly (readonly [string, (directory: string) => unknown, readonly string[], RegExp])[]) {
    test(`asks nothing and writes nothing when ${what}`, async (t) => {
      const { directory } = await place(t);
      await prepare(directory);
      const before = await readdir(directory);
      const [file = 'gateway.yaml', ...rest] = args[0]?.endsWith('.yaml') === true ? args : ['gateway.yaml', ...args];
      const inside = rest.map((arg, i) => (rest[i - 1] === '--key-file' ? join(directory, arg) : arg));
      const { code, stdout } = await typed(t, ['init', join(directory, file), ...inside], [relay, 'shop', 'bot']);
      assert.equal(code, 1, stdout);
      assert.match(stdout, says);
      assert.equal(stdout.trimEnd().split('\n').length, 1, stdout);
      assert.deepEqual(await readdir(directory), before);
    });
  }

  test('asks only for what no option gives', async (t) => {
    const { config } = await place(t);
    const { code, stdout } = await typed(t, ['init', config, '--relay', relay, '--key', 'anonymous'], ['']);
    assert.equal(code, 0, stdout);
    assert.equal(stdout.split(']:').length, 2);
  });

  for (const end of ['^C', '^D']) {
    test(`${end} ends it, and nothing is written`, async (t) => {
      const { directory, config } = await place(t);
      const { code, stdout } = await typed(t, ['init', config], [relay, end]);
      assert.equal(code, 1, stdout);
      assert.match(stdout, /portal-gateway: nothing was written, because the questions were not finished/);
      await assert.rejects(stat(config));
      await assert.rejects(stat(join(directory, 'keys.yaml')));
    });
  }
});
