// Two hundred concurrent requests while the configuration is written thirty times, every third time
// with an error. None fails, and each sees one whole configuration: in the request, the Host and
// the response.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { rename, writeFile } from 'node:fs/promises';
import { Agent, request, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { test } from 'node:test';
import { loadConfig } from '../../src/config/load/load.ts';
import { policyOf } from '../../src/config/load/to-policy.ts';
import { watchConfig } from '../../src/config/load/reload.ts';
import { createDemoApp } from '../../src/demo/demo-app.ts';
import { startCli, temporaryDirectory } from '../helpers/cli.ts';
import { startPlainGateway } from '../helpers/plain-gateway.ts';
import { publishDemo, startRelay } from '../helpers/published-demo.ts';
import { markedSecret } from '../secrecy/marks.ts';

const callers = 200;
const reloads = 30;
const key = markedSecret('every-generation');
/**
 * Pause between the two halves of a request body: long enough that each request spans several
 * reloads.
 */
const maxPauseMs = 1000;
const betweenReloadsMs = 20;

const isFaulty = (generation: number): boolean => generation % 3 === 0;

const unlimited = '{ requests_per_second: 1000000, burst: 1000000 }';

/** Requests see the generation number in three places; the error is in a fourth one. */
function yamlOf(generation: number, more = ''): string {
  return `
gateway:
  port: 0
  max_connections_per_ip: 1000
  queue: ${isFaulty(generation) ? 'many' : '200'}
auth: { keys: [{ id: one, key: ${key} }, { id: other-${generation}, key: key-${generation} }] }
lease_acl: { app: [one] }
rate_limit: { global: ${unlimited}, per_key: { default: ${unlimited} } }
timeouts: { dial: 30s, response_headers: ${60 + generation}s }
leases:
  app:
    host_header: generation-${generation}.test
    headers:
      request: { set: { X-Generation: "${generation}" } }
      response: { set: { X-Generation: "${generation}" } }
${more}`;
}

/** Replaces the file atomically, so that it is never read half written. */
async function write(directory: string, yaml: string): Promise<void> {
  await writeFile(join(directory, 'next'), yaml);
  await rename(join(directory, 'next'), join(directory, 'gateway.yaml'));
}

interface Seen {
  readonly calls: number;
  readonly generations: ReadonlySet<number>;
}

/** Calls until `stopped`, with a fixed number of concurrent requests. */
async function callAll(port: number, stopped: AbortSignal): Promise<Seen> {
  const agent = new Agent({ keepAlive: true, maxSockets: callers });
  const generations = new Set<number>();
  let calls = 0;
  /** The newest generation seen in a response: later requests must not see an older one. */
  let newest = 0;
  const caller = async (): Promise<void> => {
    while (!stopped.aborted) {
      const before = newest;
      const generation = await call(port, agent);
      calls += 1;
      newest = Math.max(newest, generation);
      generations.add(generation);
      assert.ok(!isFaulty(generation), `${generation} was refused`);
      assert.ok(generation >= before, `${generation} was over when the request began (${before})`);
    }
  };
  try {
    await Promise.all(Array.from({ length: callers }, caller));
  } finally {
    agent.destroy();
  }
  return { calls, generations };
}

/** The generation that the request saw; fails if it saw two, or got no response. */
async function call(port: number, agent: Agent): Promise<number> {
  const outgoing = request({
    host: '127.0.0.1',
    port,
    path: '/peer/app/echo?as=json',
    method: 'POST',
    agent,
    headers: { 'x-api-key': key, 'content-length': 8 },
  });
  const responded = once(outgoing, 'response') as Promise<[IncomingMessage]>;
  // The error is reported below, where the response is awaited.
  responded.catch(() => undefined);
  outgoing.write('half');
  await pause(Math.random() * maxPauseMs);
  outgoing.end('half');
  const [response] = await responded;
  const body = await text(response);
  assert.equal(response.statusCode, 200, body);
  const { headers } = JSON.parse(body) as { headers: [string, string][] };
  const value = (name: string): string | undefined => headers.find(([other]) => other.toLowerCase() === name)?.[1];
  const generation = String(response.headers['x-generation']);
  assert.equal(value('x-generation'), generation);
  assert.equal(value('host'), `generation-${generation}.test`);
  return Number(generation);
}

function assertSeen({ calls, generations }: Seen): void {
  assert.ok(calls > callers, `only ${calls} calls`);
  assert.ok(generations.size > 10, `only generations ${[...generations].join(', ')} were seen`);
}

test('in this process', async (t) => {
  const directory = await temporaryDirectory(t);
  const file = join(directory, 'gateway.yaml');
  await write(directory, yamlOf(1));
  const load = (): ReturnType<typeof loadConfig> => loadConfig({ file, env: {} });
  const first = await load();
  assert.ok(first.ok);
  const demo = createDemoApp();
  const { gateway, port } = await startPlainGateway(t, (incoming, response) =>
    demo.emit('request', incoming, response),
  );
  await gateway.apply(policyOf(first.config));
  let refused = 0;
  const watch = await watchConfig({
    files: first.files,
    load,
    apply: async (result) => {
      if (result.ok) await gateway.apply(policyOf(result.config));
      else refused += 1;
    },
    failed: (error) => {
      throw error as Error;
    },
  });
  t.after(() => {
    watch.close();
  });
  const stop = new AbortController();
  const calling = callAll(port, stop.signal);
  for (let generation = 2; generation <= reloads + 1; generation += 1) {
    await write(directory, yamlOf(generation));
    await watch.reload();
    await pause(betweenReloadsMs);
  }
  stop.abort();
  assertSeen(await calling);
  assert.ok(refused >= Math.floor(reloads / 3), `${refused} refused`);
});

/** A preload that writes the events of the reload channel to stderr. */
const tellReloads = `data:text/javascript,${encodeURIComponent(
  `import { subscribe } from 'node:diagnostics_channel';
   subscribe('portal-gateway:config-reloaded', ({ outcome }) => process.stderr.write(outcome + '\\n'));`,
)}`;

test('through relay and process, with files and SIGHUP', async (t) => {
  const { url: relay } = await startRelay(t);
  await publishDemo(t, relay, 'app');
  const directory = await temporaryDirectory(t);
  const more = `portal: { relay_url: "${relay}" }\nlogging: { level: warn }\n`;
  await write(directory, yamlOf(1, more.replace('warn', 'info')));
  const cli = startCli(t, ['start', '--config', join(directory, 'gateway.yaml')], {
    XDG_STATE_HOME: directory,
    NODE_OPTIONS: `--import=${tellReloads}`,
  });
  const [, port] = await cli.line(/"url":"http:[^"]+:(\d+)".*"message":"listening"/);
  await cli.line(/relay connected/);
  const stop = new AbortController();
  const calling = callAll(Number(port), stop.signal);
  let reported = 0;
  for (let generation = 2; generation <= reloads + 1; generation += 1) {
    await write(directory, yamlOf(generation, more));
    cli.child.kill('SIGHUP');
    const outcome = isFaulty(generation) ? 'rejected' : 'applied';
    await cli.note(new RegExp(`^(?:\\w+\\n){${reported},}${outcome}\\n(?:\\w+\\n)*$`));
    reported = cli.stderr().split('\n').length - 1;
    await pause(betweenReloadsMs);
  }
  stop.abort();
  assertSeen(await calling);
  cli.child.kill('SIGTERM');
  assert.equal(await cli.exited, 0);
});
