// Misplaced secrets, on the command line, in the environment and in broken files, and a gateway
// that crashes: the output of commands contains none of them.
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, test, type TestContext } from 'node:test';
import { run } from '../../src/cli/program.ts';
import { terminalOn } from '../../src/cli/terminal.ts';
import { startCli, temporaryDirectory } from '../helpers/cli.ts';
import { mistyped } from '../helpers/wrong-keys.ts';
import { secretIn } from '../secrecy/find-secrets.ts';
import { mark, markedKey, markedSecret } from '../secrecy/marks.ts';

const key = markedKey('live');
const secret = markedSecret('secret');
const withUser = (scheme: string): string => `${scheme}://user:${secret}@127.0.0.1:1`;

function assertSilent(output: string, what: string): void {
  assert.notEqual(output, '', what);
  const found = output.split('\n').map(secretIn);
  assert.deepEqual(
    found.filter((one) => one !== undefined),
    [],
    what,
  );
}

/** Runs in this process: a separate process for each case would take half a minute. */
async function runHere(args: readonly string[]): Promise<{ readonly code: number; readonly output: string }> {
  const streams = [new PassThrough(), new PassThrough()] as const;
  const output = Promise.all(streams.map((stream) => text(stream)));
  const code = await run(args, terminalOn(...streams), {
    signal: new AbortController().signal,
    stopWithin: () => undefined,
  });
  for (const stream of streams) stream.end();
  return { code, output: (await output).join('') };
}

interface Said {
  readonly args: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly input?: string;
  /** Set when the command keeps running: the output that shows it. */
  readonly until?: RegExp;
}

const typed: readonly Said[] = [
  { args: [key] },
  { args: ['start', key] },
  { args: ['start', `--key=${key}`] },
  { args: ['start', '--port', key] },
  { args: ['start', '--config', key] },
  { args: ['start', '--relay', withUser('ws')] },
  { args: ['start'], environment: { GATEWAY_PORT: key, PORTAL_RELAY_URL: withUser('ws'), LOGGING_LEVEL: key } },
  { args: ['identity'], environment: { GATEWAY_PORT: key } },
  { args: ['identity'], environment: { GATEWAY_LOG_LEVEL: key } },
  { args: ['leases', '--relay', withUser('wss')] },
  { args: ['leases'], environment: { PORTAL_RELAY_URL: withUser('ws') } },
  { args: ['health', '--url', withUser('http')] },
  { args: ['expose', withUser('http'), '--name', 'app'] },
  { args: ['expose', '3000', '--name', 'app', '--relay', withUser('ws')] },
  {
    args: [
      'expose',
      '3000',
      '--name',
      'app',
      '--relay',
      'ws://127.0.0.1:1/relay',
      '--require-assertion',
      withUser('https'),
    ],
    until: /Cannot load the keys of the gateway/,
  },
  { args: ['explain', '--key', key, '--lease', key] },
  { args: ['explain', '--key', key, '--lease', 'demo', '--ip', key] },
  { args: ['keys', 'revoke', key, '--file', 'keys.yaml'] },
  { args: ['keys', 'rotate', key, '--file', 'keys.yaml', '--out', '-'] },
  { args: ['keys', 'create', `a ${key}`, '--file', 'keys.yaml', '--out', '-'] },
  { args: ['keys', 'create', 'a', '--file', 'keys.yaml', '--out', '-', '--expires', key] },
  { args: ['keys', 'hash', '--id', 'a', '--cost', key], input: key },
  { args: ['keys', 'hash', '--id', 'a'], input: mistyped(key) },
  { args: ['keys', 'hash', '--id', 'a'], input: `${secret} ${secret}` },
];

test('does not repeat secrets in misplaced arguments and input', async (t) => {
  const directory = await temporaryDirectory(t);
  const said = async ({ args, environment, input, until }: Said): Promise<string> => {
    if (environment === undefined && input === undefined && until === undefined) return (await runHere(args)).output;
    const cli = startCli(t, args, { XDG_STATE_HOME: directory, ...environment }, input);
    if (until === undefined) await cli.exited;
    else await cli.note(until);
    return cli.stdout() + cli.stderr();
  };
  for (const one of typed) {
    assertSilent(await said(one), one.args.slice(0, 2).join(' ').replaceAll(key, 'KEY'));
  }
});

/** The error names the file but never shows its content, not even the broken line. */
const broken: readonly string[] = [
  `auth: { keys: [{ id: a, key: "${secret}`,
  `auth:\n  keys:\n    - id: a\n      key: ${secret}: x\n`,
  `auth: { keys: [{ id: a, key: *${mark} }] }`,
  `auth: { keys: [{ id: a, key: !${mark} x }] }`,
  `%${mark} x\n---\nauth: {}`,
  `auth: { keys: [{ id: a, key: "\\x${mark}" }] }`,
  `auth:\n\tkeys: [{ id: a, key: ${secret} }]`,
  `auth: { keys: [{ id: a, kee: ${secret}, token: ${secret} }], password: ${secret} }`,
  `auth: { keys: [{ id: a, key: "\${NOT_SET}${secret}" }, { id: b, key: "file:../${secret}\\0" }] }`,
  `database: { url: "postgres://u:${secret}@h/x" }`,
  `rate_limit: { storage: { type: "redis://u:${secret}@h", redis: { url: "http://u:${secret}@h" } } }`,
  `gateway: { public_url: "https://u:${secret}@h", base_domain: "u:${secret}@h", host: "${key}" }`,
  `cors: { enabled: true, origins: ["https://u:${secret}@h"] }`,
  `auth: { keys: [{ id: a, key_hash: "${secret}" }, { id: "${key}", key_prefix: ${secret}, key: x }] }`,
  `portal: { relays: [{ url: "ws://${secret}@h/relay" }, { url: "ws://u:${secret}@h/relay" }] }`,
];

describe('a file with a syntax error at a secret', () => {
  const commands = [['validate'], ['validate', '--json'], ['config', 'print'], ['start']];
  for (const [i, yaml] of broken.entries()) {
    test(`${i + 1}`, async (t) => {
      const directory = await temporaryDirectory(t);
      const file = join(directory, 'gateway.yaml');
      await writeFile(file, yaml, { mode: 0o600 });
      for (const args of commands) {
        const { code, output } = await runHere([...args, '--config', file]);
        assert.equal(code, 1);
        assertSilent(output, args.join(' '));
      }
    });
  }

  test('the keys file', async (t) => {
    const file = join(await temporaryDirectory(t), 'keys.yaml');
    await writeFile(file, `keys:\n  - { id: a, key_hash: "${secret}`, { mode: 0o600 });
    const { code, output } = await runHere(['keys', 'list', '--file', file]);
    assert.equal(code, 1);
    assertSilent(output, 'keys list');
  });
});

describe('an unexpected error ends the process without showing its content', () => {
  /** Node prints `input` and the source line of uncaught errors. */
  const faults = {
    'an exception': `process.once('SIGUSR2', () => { new URL('redis://u:${secret}@h:port'); });`,
    'a rejection': `process.once('SIGUSR2', async () => { new URL('redis://u:${secret}@h:port'); });`,
    'an error with secrets in its message': `process.once('SIGUSR2', () => { throw new Error('at redis://u:${secret}@h with ${key}'); });`,
  };
  for (const [what, source] of Object.entries(faults)) {
    test(what, async (t: TestContext) => {
      const preload = join(await temporaryDirectory(t), 'fault.mjs');
      await writeFile(preload, source);
      const cli = startCli(t, ['relay', '--port', '0'], { NODE_OPTIONS: `--import=${preload}` });
      await cli.line(/ws:/);
      cli.child.kill('SIGUSR2');
      assert.equal(await cli.exited, 1);
      assertSilent(cli.stdout() + cli.stderr(), what);
      assert.match(cli.stderr(), /^portal-gateway: \w*Error[^]*\n {4}at /m);
    });
  }
});
