// How long reloading configuration and keys blocks the event loop: `start` with as many lease
// patterns and keys as fit into files of 1 MiB, while requests arrive.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { rename, writeFile } from 'node:fs/promises';
import { Agent, request, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { startCli, temporaryDirectory, type CliProcess } from '../helpers/cli.ts';
import { publishDemo, startRelay } from '../helpers/published-demo.ts';
import { assertShortTurns } from '../helpers/turn-cpu.ts';
import { markedSecret } from '../secrecy/marks.ts';

const patterns = 5_000;
const keys = 8_000;
const callers = 4;
const unlimited = '{ requests_per_second: 1000000, burst: 1000000 }';
const key = markedSecret('reload-stretch');

/**
 * A preload that writes to stderr how much CPU time the event loop spent between two iterations,
 * when that is long.
 */
const tellStretches = `data:text/javascript,${encodeURIComponent(`
  import { isMainThread } from 'node:worker_threads';
  const cpuMs = () => { const { user, system } = process.threadCpuUsage(); return (user + system) / 1000; };
  let last = cpuMs();
  const turn = () => {
    const now = cpuMs();
    if (now - last > 2) process.stderr.write('STRETCH ' + (now - last).toFixed(1) + '\\n');
    last = cpuMs();
    setImmediate(turn).unref();
  };
  if (isMainThread) { turn(); setInterval(() => {}, 1).unref(); }
`)}`;

function yamlOf(generation: number, relay: string): string {
  const rule = (i: number): string => `  "lease-${i}-*": [one, "scope:read"]\n`;
  const setting = (i: number): string =>
    `  "lease-${i}-*": { host_header: h${i}.test, required_scopes: [read], ` +
    `headers: { request: { set: { X-Lease: "lease-${i}" }, remove: [Cookie] } } }\n`;
  const each = (line: (i: number) => string): string => Array.from({ length: patterns }, (_, i) => line(i)).join('');
  return `
portal: { relay_url: "${relay}" }
auth: { keys: [{ id: one, key: ${key} }], keys_file: keys.yaml }
rate_limit: { global: ${unlimited}, per_key: { default: ${unlimited} } }
logging: { level: info }
lease_acl:
  app: [one]
${each(rule)}
leases:
  app: { headers: { response: { set: { X-Generation: "${generation}" } } } }
${each(setting)}`;
}

/** Entries as `portal-gateway keys create` writes them. No key hashes to these. */
function keysYaml(count: number): string {
  const entry = (_: unknown, i: number): string => {
    const number = String(i).padStart(10, '0');
    const hash = `$2b$10$${number.padEnd(53, 'h')}`;
    return `  - { id: key-${i}, key_hash: ${hash}, key_prefix: sk_live_${number} }\n`;
  };
  return `version: 1\nkeys:\n${Array.from({ length: count }, entry).join('')}`;
}

async function replace(directory: string, name: string, text: string): Promise<void> {
  await writeFile(join(directory, 'next'), text, { mode: 0o600 });
  await rename(join(directory, 'next'), join(directory, name));
}

interface Bench {
  readonly directory: string;
  readonly relay: string;
  readonly cli: CliProcess;
  /** What the app's response reveals about the configuration. */
  readonly call: () => Promise<string | undefined>;
  /**
   * Runs the work while callers send requests, then a few requests more. Resolves with the longest
   * blocking time in milliseconds.
   */
  readonly stretchOf: (work: () => Promise<unknown>) => Promise<number>;
}

async function running(t: TestContext): Promise<Bench> {
  const { url: relay } = await startRelay(t);
  await publishDemo(t, relay, 'app');
  const directory = await temporaryDirectory(t);
  await replace(directory, 'gateway.yaml', yamlOf(1, relay));
  await replace(directory, 'keys.yaml', keysYaml(keys));
  const cli = startCli(t, ['start', '--config', join(directory, 'gateway.yaml')], {
    XDG_STATE_HOME: directory,
    GATEWAY_PORT: '0',
    NODE_OPTIONS: `--import=${tellStretches}`,
  });
  const [, port] = await cli.line(/"url":"http:[^"]+:(\d+)".*"message":"listening"/);
  await cli.line(/relay connected/);
  const agent = new Agent({ keepAlive: true, maxSockets: callers });
  t.after(() => {
    agent.destroy();
  });
  const call = async (): Promise<string | undefined> => {
    const outgoing = request({ host: '127.0.0.1', port, path: '/peer/app/', agent, headers: { 'x-api-key': key } });
    outgoing.end();
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
    response.resume();
    await once(response, 'end');
    assert.equal(response.statusCode, 200);
    return response.headers['x-generation'] as string | undefined;
  };
  const stretchOf = async (work: () => Promise<unknown>): Promise<number> => {
    const before = cli.stderr().length;
    let over = false;
    const calling = Array.from({ length: callers }, async () => {
      while (!over) await call();
    });
    await work();
    for (let i = 0; i < 20; i += 1) await call();
    over = true;
    await Promise.all(calling);
    const lines = cli
      .stderr()
      .slice(before)
      .matchAll(/^STRETCH (\S+)$/gm);
    return Math.max(0, ...Array.from(lines, ([, ms]) => Number(ms)));
  };
  // Requests without a reload, to warm their code up.
  await stretchOf(async () => {
    for (let i = 0; i < 300; i += 1) await call();
  });
  return { directory, relay, cli, call, stretchOf };
}

test('a reload of 5,000 patterns and a change among 8,000 keys block no request for long', async (t) => {
  const { directory, relay, cli, call, stretchOf } = await running(t);
  assert.equal(await call(), '1');
  const count = (pattern: RegExp): number => [...cli.stdout().matchAll(pattern)].length;
  const reloaded = async (): Promise<void> => {
    const before = count(/"configuration reloaded"/g);
    cli.child.kill('SIGHUP');
    await cli.line(new RegExp(`(?:"configuration reloaded"[^]*){${before + 1}}`));
  };
  let generation = 1;
  let keyCount = keys;
  for (const round of ['first', 'second']) {
    await assertShortTurns(t, `the ${round} configuration`, async () => {
      generation += 1;
      await replace(directory, 'gateway.yaml', yamlOf(generation, relay));
      const maxMs = await stretchOf(reloaded);
      assert.equal(await call(), String(generation));
      return maxMs;
    });
  }
  for (const round of ['first', 'second']) {
    await assertShortTurns(t, `the ${round} change of keys`, () => {
      keyCount += 1;
      return stretchOf(async () => {
        await replace(directory, 'keys.yaml', keysYaml(keyCount));
        await cli.line(new RegExp(`"keys":${keyCount},[^\\n]*"keys reloaded"`));
      });
    });
  }
  cli.child.kill('SIGTERM');
  assert.equal(await cli.exited, 0);
});
