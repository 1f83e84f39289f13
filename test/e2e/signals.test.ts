// SIGUSR1 and SIGUSR2: no command opens a debugger port or exits on them; `start` reopens its log
// file and toggles the debug level.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer, type ServerResponse } from 'node:http';
import { connect, createServer } from 'node:net';
import { constants } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { test, type TestContext } from 'node:test';
import { startCli, temporaryDirectory, type CliProcess } from '../helpers/cli.ts';
import { markedKey } from '../secrecy/marks.ts';

const nowhere = 'ws://127.0.0.1:1/relay';

/** Each command that runs until it is stopped, and the line that shows that it runs. */
const commands: readonly [args: readonly string[], running: RegExp, on: 'line' | 'note'][] = [
  [['start', '--port', '0', '--relay', nowhere], /"message":"listening"/, 'line'],
  [['relay', '--port', '0'], /ws:\/\//, 'line'],
  [['dev', '--port', '0'], /Ctrl-C/, 'note'],
  [['expose', '1', '--name', 'app', '--relay', nowhere], /./, 'note'],
];

for (const [args, running, on] of commands) {
  test(`${args[0] ?? ''}: neither signal opens a port or ends the process`, async (t) => {
    const cli = startCli(t, args, { XDG_STATE_HOME: await temporaryDirectory(t), GATEWAY_API_KEY: markedKey('test') });
    await cli[on](running);
    for (const signal of ['SIGUSR1', 'SIGUSR2', 'SIGUSR1', 'SIGUSR2'] as const) cli.child.kill(signal);
    cli.child.kill('SIGTERM');
    assert.equal(await cli.exited, 0, cli.stderr());
    assert.doesNotMatch(cli.stderr(), /debugger/i);
  });
}

const opensDebugger =
  process.platform === 'linux' ? { timeout: 60_000 } : { skip: 'no /proc to see when Node listens to the signal' };

test('closes a debugger port that SIGUSR1 opened before our first line of code', opensDebugger, async (t) => {
  const { cli, port } = await signalledEarly(t);
  // On a busy machine Node opens the port late and closes it late. If the port stays open, the test
  // times out.
  while (await isOpen(port)) await new Promise((resolve) => setTimeout(resolve, 10));
  cli.child.kill('SIGTERM');
  assert.equal(await cli.exited, 0);
});

/**
 * Starts processes until one receives the signal before our first line runs: on a busy machine the
 * signal may come too late.
 */
async function signalledEarly(t: TestContext): Promise<{ readonly cli: CliProcess; readonly port: number }> {
  for (;;) {
    const cli = startCli(t, ['relay', '--port', '0'], {});
    const { pid = 0 } = cli.child;
    while (!catchesSigusr1(readFileSync(`/proc/${pid}/status`, 'latin1')));
    cli.child.kill('SIGUSR1');
    await cli.line(/ws:/);
    const [, port] = /Debugger listening on ws:\/\/[^:]+:(\d+)/.exec(cli.stderr()) ?? [];
    if (port !== undefined) return { cli, port: Number(port) };
    cli.child.kill('SIGTERM');
    await cli.exited;
  }
}

function isOpen(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  return once(socket, 'connect')
    .then(() => true)
    .catch(() => false)
    .finally(() => socket.destroy());
}

/** proc(5): `SigCgt` is a hexadecimal mask whose lowest bit stands for signal 1. */
function catchesSigusr1(status: string): boolean {
  const mask = BigInt(`0x${/SigCgt:\s*([0-9a-f]+)/.exec(status)?.[1] ?? '0'}`);
  return (mask & (1n << BigInt(constants.signals.SIGUSR1 - 1))) !== 0n;
}

test('a command that ends by itself survives both signals until then', async (t) => {
  // Accepts the connection and sends nothing: the command waits for a relay.
  const silent = createServer(() => undefined).listen(0, '127.0.0.1');
  t.after(() => silent.close());
  await once(silent, 'listening');
  const { port } = silent.address() as { port: number };
  const cli = startCli(t, ['leases', '--relay', `ws://127.0.0.1:${port}/relay`], {
    XDG_STATE_HOME: await temporaryDirectory(t),
  });
  const [socket] = (await once(silent, 'connection')) as [{ destroy(): void }];
  for (const signal of ['SIGUSR1', 'SIGUSR2'] as const) cli.child.kill(signal);
  cli.child.kill('SIGWINCH');
  socket.destroy();
  const code = await cli.exited;
  assert.ok(code !== null && code > 0, `exited on its own, not by a signal: ${code ?? 'signal'}`);
  assert.doesNotMatch(cli.stderr(), /debugger/i);
});

test('start: a SIGHUP during loading ends nothing and causes a reload afterwards', async (t) => {
  const requests: ServerResponse[] = [];
  const vault = createHttpServer((_request, response) => {
    requests.push(response);
    if (requests.length > 1) reply(response);
  }).listen(0, '127.0.0.1');
  t.after(() => {
    vault.closeAllConnections();
    vault.close();
  });
  const reply = (response: ServerResponse): void => {
    response.end(JSON.stringify({ data: { data: { key: 'a-key-of-this-test' }, metadata: {} } }));
  };
  await once(vault, 'listening');
  const directory = await temporaryDirectory(t);
  const config = join(directory, 'gateway.yaml');
  await writeFile(config, 'auth: { keys: [{ id: a, key: "vault:secret/data/app#key" }] }');
  const { port } = vault.address() as { port: number };
  const cli = startCli(t, ['start', '--config', config, '--port', '0', '--relay', nowhere], {
    XDG_STATE_HOME: directory,
    VAULT_ADDR: `http://127.0.0.1:${port}`,
    VAULT_TOKEN: 'token',
  });
  const [, held] = (await once(vault, 'request')) as [unknown, ServerResponse];
  cli.child.kill('SIGHUP');
  reply(held);
  await cli.line(/"reason":"signal".*"message":"configuration reloaded"/);
  cli.child.kill('SIGTERM');
  assert.equal(await cli.exited, 0);
});

interface Logged {
  readonly cli: CliProcess;
  readonly log: string;
  /** Rejects if the process ends first. Has no timeout of its own; the test has one. */
  readonly logged: (file: string, pattern: RegExp) => Promise<void>;
}

async function startLogged(t: TestContext): Promise<Logged> {
  const directory = await temporaryDirectory(t);
  const file = join(directory, 'gateway.yaml');
  const log = join(directory, 'gateway.log');
  await writeFile(
    file,
    `gateway: { port: 0 }\nportal: { relay_url: "${nowhere}" }\nlogging: { output: file, file: { path: ${log} } }\n`,
  );
  const cli = startCli(t, ['start', '--config', file], {
    XDG_STATE_HOME: directory,
    GATEWAY_API_KEY: markedKey('test'),
  });
  let ended = false;
  void cli.exited.then(() => (ended = true));
  return {
    cli,
    log,
    logged: async (path, pattern) => {
      for (;;) {
        const text = await readFile(path, 'utf8').catch(() => '');
        if (pattern.test(text)) return;
        if (ended) throw new Error(`the process ended\n${text}\n${cli.stderr()}`);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    },
  };
}

test('SIGUSR1 reopens the log file by its name, and the moved file gets no more lines', async (t) => {
  const { cli, log, logged } = await startLogged(t);
  await logged(log, /"listening"/);
  await rename(log, `${log}.1`);
  cli.child.kill('SIGUSR1');
  await logged(log, /"log file reopened"/);
  assert.doesNotMatch(await readFile(`${log}.1`, 'utf8'), /reopened/);
});

test('SIGUSR1 reports that a log on stdout is not reopened', async (t) => {
  const cli = startCli(t, ['start', '--port', '0', '--relay', nowhere], {
    XDG_STATE_HOME: await temporaryDirectory(t),
    GATEWAY_API_KEY: markedKey('test'),
  });
  await cli.line(/"listening"/);
  cli.child.kill('SIGUSR1');
  await cli.line(/SIGUSR1 ignored: the log goes to stdout/);
  cli.child.kill('SIGTERM');
  assert.equal(await cli.exited, 0);
});

test('SIGUSR2 toggles debug level, and a reload keeps it', async (t) => {
  const { cli, log, logged } = await startLogged(t);
  await logged(log, /"listening"/);
  cli.child.kill('SIGUSR2');
  await logged(log, /"level":"debug"[^\n]*"log level changed/);
  cli.child.kill('SIGHUP');
  await logged(log, /"configuration reloaded"/);
  cli.child.kill('SIGUSR2');
  await logged(log, /"level":"info"[^\n]*"log_level":"info"[^\n]*"log level changed/);
  cli.child.kill('SIGUSR2');
  await logged(log, /^[^]*?"log_level":"debug"[^]*?"log_level":"debug"/);
  cli.child.kill('SIGTERM');
  assert.equal(await cli.exited, 0);
});
