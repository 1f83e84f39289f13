// Every command that has a result prints it as JSON with --json, with member names in snake_case as
// in the configuration. The commands without a result are listed here by name.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import process from 'node:process';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import type { Command } from 'commander';
import { commandPath, visibleCommands } from '../../src/cli/command-tree.ts';
import { createProgram, run } from '../../src/cli/program.ts';
import { terminalOn } from '../../src/cli/terminal.ts';
import { connect, createCredential } from '../../src/portal/index.ts';
import { startCli, temporaryDirectory } from '../helpers/cli.ts';
import { publishDemo, startRelay } from '../helpers/published-demo.ts';

/** Their output is no data: the log of a server, text for people, a script, a schema in JSON. */
const withoutResult = ['start', 'help', 'completion', 'config schema'];

/** The member names below these are names of users, or of the server that responded. */
const foreign: ReadonlySet<string> = new Set(['value', 'body']);

interface Place {
  readonly directory: string;
  readonly relay: string;
  readonly health: string;
}

/** In the order in which they run: `keys create` makes the key of the later ones. */
const commandLines: Readonly<Record<string, (place: Place) => readonly string[]>> = {
  version: () => [],
  init: ({ directory, relay }) => [join(directory, 'gateway.yaml'), '--yes', '--relay', relay, '--key-file', '-'],
  'keys create': ({ directory }) => ['bot', '--cost', '10', '--out', '-', '-c', join(directory, 'gateway.yaml')],
  'keys rotate': ({ directory }) => ['bot', '--cost', '10', '--out', '-', '-c', join(directory, 'gateway.yaml')],
  'keys list': ({ directory }) => ['-c', join(directory, 'gateway.yaml')],
  'keys revoke': ({ directory }) => ['bot', '-c', join(directory, 'gateway.yaml')],
  'keys hash': () => ['--cost', '10'],
  validate: ({ directory }) => [join(directory, 'faulty.yaml'), '--check-relays'],
  'config print': ({ directory }) => ['-c', join(directory, 'gateway.yaml')],
  explain: ({ directory }) => ['-c', join(directory, 'gateway.yaml'), '--lease', 'my-app', '--key', 'my-key'],
  identity: () => [],
  leases: ({ relay }) => ['--relay', relay],
  'leases accept': ({ relay }) => ['my-app', '--relay', relay],
  health: ({ health }) => ['--url', health],
  relay: () => ['--port', '0'],
  dev: () => ['--port', '0'],
  expose: ({ relay }) => ['3000', '--name', 'other', '--relay', relay],
};

/** Commands that can be run, by name. */
function* runnable(command: Command): Generator<Command> {
  for (const inner of visibleCommands(command)) yield* runnable(inner);
  const isGroup = command.commands.length > 0 && command.name() !== 'leases';
  if (!isGroup) yield command;
}

function commands(): Map<string, Command> {
  const terminal = terminalOn(new PassThrough(), new PassThrough());
  const context = {
    ...{ terminal, signal: new AbortController().signal, stopWithin: () => undefined },
    environment: () => assert.fail('no command runs'),
  };
  const all = Array.from(runnable(createProgram(context)));
  return new Map(all.map((command) => [commandPath(command).slice(1).join(' '), command]));
}

test('every command with a result has --json, and a line here', () => {
  const all = commands();
  for (const [name, command] of all) {
    const hasJson = command.options.some(({ long }) => long === '--json');
    assert.equal(hasJson, !withoutResult.includes(name), name);
  }
  assert.deepEqual([...withoutResult, ...Object.keys(commandLines)].sort(), [...all.keys()].sort());
});

type Seen = (pattern: RegExp) => Promise<RegExpExecArray>;

/** The lines of stdout, of a command that is stopped after `use` unless it ends by itself. */
async function linesOf(args: readonly string[], use: (seen: Seen) => Promise<unknown>): Promise<string[]> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const stop = new AbortController();
  const texts = { stdout: '', stderr: '' };
  stderr.on('data', (chunk: Buffer) => (texts.stderr += String(chunk)));
  stdout.on('data', (chunk: Buffer) => (texts.stdout += String(chunk)));
  const seen: Seen = async (pattern) => {
    for (;;) {
      const match = pattern.exec(texts.stdout);
      if (match !== null) return match;
      await once(stdout, 'data');
    }
  };
  const running = run(args, terminalOn(stdout, stderr), { signal: stop.signal, stopWithin: () => undefined });
  await Promise.race([use(seen), running]);
  stop.abort(new DOMException('SIGINT', 'AbortError'));
  await running;
  await new Promise(setImmediate);
  assert.notEqual(texts.stdout, '', texts.stderr);
  return texts.stdout.trimEnd().split('\n');
}

async function firstResult(args: readonly string[]): Promise<string> {
  const [line = ''] = await linesOf(args, (seen) => seen(/\n/));
  return line;
}

function assertSnakeCase(line: string): void {
  const names = Array.from(memberNames(JSON.parse(line)));
  assert.notEqual(names.length, 0, line);
  assert.deepEqual(
    names.filter((one) => !/^[a-z]+(?:_[a-z0-9]+)*$/.test(one)),
    [],
  );
}

function* memberNames(value: unknown): Generator<string> {
  if (typeof value !== 'object' || value === null) return;
  for (const [name, child] of Object.entries(value)) {
    if (!Array.isArray(value)) yield name;
    if (!foreign.has(name)) yield* memberNames(child);
  }
}

async function place(t: TestContext): Promise<Place> {
  const directory = await temporaryDirectory(t);
  const { url: relay } = await startRelay(t);
  await publishDemo(t, relay, 'my-app');
  await writeFile(join(directory, 'faulty.yaml'), `gateway: { prot: 1 }\nportal: { relay_url: "${relay}" }\n`);
  const gateway = createServer((_request, response) => response.end('{"status":"ready"}')).listen(0, '127.0.0.1');
  await once(gateway, 'listening');
  t.after(() => gateway.close());
  return { directory, relay, health: `http://127.0.0.1:${(gateway.address() as AddressInfo).port}` };
}

test('--json prints member names in snake_case', async (t) => {
  const here = await place(t);
  process.env['XDG_STATE_HOME'] = here.directory;
  for (const [name, argsOf] of Object.entries(commandLines)) {
    await t.test(name, async () => {
      const args = [...name.split(' '), ...argsOf(here), '--json'];
      // This one reads the stdin of its process.
      const line = name === 'keys hash' ? await hashed(t, args) : await firstResult(args);
      assertSnakeCase(line);
    });
  }

  await t.test('the later lines of expose, too', async () => {
    const args = ['expose', new URL(here.health).port, '--name', 'seen', '--relay', here.relay, '--json'];
    const lines = await linesOf(args, async (seen) => {
      const [, leaseId = ''] = await seen(/"event":"published".*"lease_id":"([A-Z2-7]{26})"/);
      await requestTo(here.relay, leaseId);
      await seen(/"event":"request".*\n/);
    });
    assert.ok(lines.length > 1 && lines.some((line) => line.includes('"event":"request"')), lines.join());
    for (const line of lines) assertSnakeCase(line);
  });

  await t.test('dev prints no more lines for requests', async () => {
    const lines = await linesOf(['dev', '--port', '0', '--json'], async (seen) => {
      const [line] = await seen(/^.*\n/);
      const { path_url: url, key } = JSON.parse(line) as Readonly<Record<'path_url' | 'key', string>>;
      const response = await fetch(url, { headers: { authorization: `Bearer ${key}` } });
      assert.equal(response.status, 200);
      await response.text();
    });
    assert.equal(lines.length, 1, lines.join());
  });
});

/** One request to an app on the relay. */
async function requestTo(relay: string, leaseId: string): Promise<void> {
  const session = await connect(relay, { credential: createCredential() });
  try {
    const tunnel = await session.dial(leaseId, { alpn: 'http/1.1', signal: AbortSignal.timeout(10_000) });
    const request = httpRequest({ createConnection: () => tunnel, headers: { host: 'x' } }).end();
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    await text(response);
  } finally {
    await session.close();
  }
}

async function hashed(t: TestContext, args: readonly string[]): Promise<string> {
  const cli = startCli(t, args, {}, 'a-key-that-was-made-elsewhere\n');
  assert.equal(await cli.exited, 0, cli.stderr());
  return cli.stdout();
}
