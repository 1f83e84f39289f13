// `start` while its log on stdout is not read, or only partly read.
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import type { Readable } from 'node:stream';
import { test, type TestContext } from 'node:test';
import { Client } from 'undici';
import { childEnvironment } from '../helpers/child-environment.ts';
import { startCli, temporaryDirectory } from '../helpers/cli.ts';
import { readUntil } from '../helpers/plain-gateway.ts';
import { markedKey } from '../secrecy/marks.ts';
import { recorder } from '../secrecy/recorded-output.ts';

const main = join(import.meta.dirname, '../../src/main.ts');
/** The log queue and a pipe hold 4.1 MiB together; a line of these requests takes 2.6 KB. */
const tooMany = 2_500;
const longPath = `/${'x'.repeat(3_000)}`;

interface Deaf {
  readonly child: ChildProcess;
  readonly stdout: Readable;
  readonly client: Client;
}

/** A gateway whose stdout is read up to the line with its address, and no further. */
async function startDeaf(t: TestContext): Promise<Deaf> {
  const child = spawn(process.execPath, [main, 'start', '--port', '0', '--relay', 'ws://127.0.0.1:1/relay'], {
    env: childEnvironment({
      HOME: '/nonexistent',
      XDG_STATE_HOME: await temporaryDirectory(t),
      GATEWAY_API_KEY: markedKey('test'),
      GATEWAY_DRAIN_LINGER: '0s',
    }),
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  t.after(() => child.kill('SIGKILL'));
  const [, url = ''] = /"url":"(http:[^"]+)"/.exec(await recorded(child.stdout, '"listening"')) ?? [];
  child.stdout.pause();
  const client = new Client(url, { pipelining: 1 });
  t.after(() => client.destroy());
  return { child, stdout: child.stdout, client };
}

/** Reads the log only as far as a test asks. */
async function recorded(stdout: Readable, text: string): Promise<string> {
  const read = await readUntil(stdout, text);
  recorder({ args: ['start'] })(read);
  return read;
}

async function ask(client: Client, times: number): Promise<void> {
  for (let i = 0; i < times; i += 1) {
    const { statusCode, body } = await client.request({ method: 'GET', path: longPath });
    assert.equal(statusCode, 404);
    await body.dump();
  }
}

test('requests continue, and the number of lost lines is logged once the reader reads again', async (t) => {
  const { stdout, client } = await startDeaf(t);
  await ask(client, tooMany);
  const lines = (await recorded(stdout, 'log lines were lost')).split('\n').slice(0, -1);
  for (const line of lines) JSON.parse(line);
  const lost = Number(/"lines":(\d+),"message":"log lines/.exec(lines.join('\n'))?.[1]);
  assert.ok(lost > 0 && lost < tooMany, `lost ${lost}`);
});

test('exits on the first signal', async (t) => {
  const { child, client } = await startDeaf(t);
  await ask(client, tooMany);
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  assert.deepEqual(await exited, [0, null]);
});

test('exits at once on the second signal', async (t) => {
  const { child, client } = await startDeaf(t);
  await ask(client, 100);
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  child.kill('SIGINT');
  const [code] = (await exited) as [number | null];
  assert.ok(code === 130 || code === 143 || code === 0);
});

test('the log may be a file, which contains everything after exit', async (t) => {
  const directory = await temporaryDirectory(t);
  const path = join(directory, 'logs', 'gateway.log');
  const cli = startCli(t, ['start', '--port', '0', '--relay', 'ws://127.0.0.1:1/relay'], {
    XDG_STATE_HOME: directory,
    LOGGING_OUTPUT: 'file',
    LOGGING_FILE_PATH: path,
  });
  const text = async (): Promise<string> => readFile(path, 'utf8').catch(() => '');
  while (!(await text()).includes('"listening"')) await new Promise((resolve) => setImmediate(resolve));
  cli.child.kill('SIGTERM');
  assert.equal(await cli.exited, 0);
  assert.equal(cli.stdout(), '');
  assert.match(await text(), /"message":"draining"\}\n$/);
});

test('reports once that a log file is not writable, and the gateway keeps running', async (t) => {
  const cli = startCli(t, ['start', '--port', '0', '--relay', 'ws://127.0.0.1:1/relay'], {
    XDG_STATE_HOME: await temporaryDirectory(t),
    LOGGING_OUTPUT: 'file',
    LOGGING_FILE_PATH: '/proc/nothing/gateway.log',
  });
  await cli.note(/cannot write the log \(ENOENT/);
  assert.equal(cli.child.exitCode, null);
  cli.child.kill('SIGTERM');
  assert.equal(await cli.exited, 0);
  assert.equal(cli.stderr().match(/cannot write the log/g)?.length, 1);
});

test('the gateway keeps running when the reader of its log closes', async (t) => {
  const { child, stdout, client } = await startDeaf(t);
  stdout.destroy();
  await ask(client, 100);
  assert.equal(child.exitCode, null);
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  assert.deepEqual(await exited, [0, null]);
});

test('with the pretty format, lines are for people', async (t) => {
  const cli = startCli(t, ['start', '--port', '0', '--relay', 'ws://127.0.0.1:1/relay'], {
    XDG_STATE_HOME: await temporaryDirectory(t),
    LOGGING_FORMAT: 'pretty',
  });
  await cli.line(/^\d\d:\d\d:\d\d\.\d{3} info {2}listening url=http:\/\/127\.0\.0\.1:\d+ /m);
  cli.child.kill('SIGTERM');
  assert.equal(await cli.exited, 0);
});
