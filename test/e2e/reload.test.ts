// `start` while its configuration changes: what it applies, what it rejects, and what it logs about
// both.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { startCli, temporaryDirectory, type CliProcess } from '../helpers/cli.ts';
import { publishDemo, startRelay } from '../helpers/published-demo.ts';

interface Running {
  readonly directory: string;
  readonly file: string;
  readonly cli: CliProcess;
  /** Calls with this key, or without one. */
  readonly call: (path: string, key?: string) => Promise<IncomingMessage>;
  readonly status: (key?: string) => Promise<number | undefined>;
  /** Searches the lines logged after this call. */
  readonly fromNow: () => (pattern: RegExp) => Promise<RegExpExecArray>;
}

/** A preload that writes the events of the reload channel to stderr. */
const tellReloads = `data:text/javascript,${encodeURIComponent(
  `import { subscribe } from 'node:diagnostics_channel';
   subscribe('portal-gateway:config-reloaded', ({ outcome }) => process.stderr.write('EVENT ' + outcome + '\\n'));`,
)}`;

const keys = (...all: string[]): string =>
  `lease_acl: { "*": ["*"] }\nauth:\n  keys:\n${all.map((key, i) => `    - { id: key-${i}, key: ${key} }\n`).join('')}`;

/** Runs on `<directory>/conf/gateway.yaml`, which `prepare` creates. */
async function running(
  t: TestContext,
  prepare: (directory: string) => Promise<unknown>,
  environment: Record<string, string> = {},
): Promise<Running> {
  const directory = await temporaryDirectory(t);
  await mkdir(join(directory, 'conf'));
  await prepare(directory);
  const file = join(directory, 'conf/gateway.yaml');
  const cli = startCli(t, ['start', '--config', file], {
    XDG_STATE_HOME: directory,
    GATEWAY_PORT: '0',
    NODE_OPTIONS: `--import=${tellReloads}`,
    ...environment,
  });
  const [, url = ''] = await cli.line(/"url":"(http:[^"]+)".*"message":"listening"/);
  const call = async (path: string, key?: string): Promise<IncomingMessage> => {
    const request = httpRequest(new URL(path, url), {
      agent: false,
      headers: key === undefined ? {} : { 'x-api-key': key },
    });
    request.end();
    return ((await once(request, 'response')) as [IncomingMessage])[0];
  };
  return {
    directory,
    file,
    cli,
    call,
    status: async (key) => {
      const response = await call('/peer/demo/', key);
      response.resume();
      const { statusCode = 0 } = response;
      return refusals.has(statusCode) ? statusCode : admitted;
    },
    fromNow: () => {
      const before = cli.stdout().length;
      return (pattern) => cli.line(new RegExp(`(?<=^[^]{${before},})${pattern.source}`, pattern.flags));
    },
  };
}

const written =
  (yaml: string) =>
  (directory: string): Promise<void> =>
    writeFile(join(directory, 'conf/gateway.yaml'), yaml);

const reloaded = /"message":"configuration reloaded"/;
const rejected = /"message":"configuration rejected; the current one stays in use"/;
const refusals = new Set([401, 403, 429]);
/**
 * Status of a request that passes authentication: there is no relay, or one without such a lease.
 */
const admitted = 503;

test('applies a rewritten file and publishes the event', async (t) => {
  const { directory, cli, call, status, fromNow } = await running(t, written(keys('key-a')));
  assert.deepEqual([await status('key-a'), await status('key-b')], [admitted, 401]);
  const line = fromNow();
  await written(keys('key-b'))(directory);
  await line(reloaded);
  assert.deepEqual([await status('key-a'), await status('key-b')], [401, admitted]);
  await cli.note(/^EVENT applied$/m);
  assert.match(await text(await call('/metrics')), /^portal_gateway_config_reloads_total\{outcome="applied"\} 1$/m);
  assert.ok(!cli.stdout().includes('key-a') && !cli.stdout().includes('key-b'));
});

test('a new included file applies, and a faulty one is rejected with its name and line', async (t) => {
  const prepare = written(`include: more-*.yaml\n${keys('key-a')}`);
  const { directory, status, fromNow } = await running(t, prepare);
  const applied = fromNow();
  await writeFile(join(directory, 'conf/more-b.yaml'), 'auth: { keys: [{ id: b, key: key-b }] }');
  await applied(reloaded);
  const refused = fromNow();
  await writeFile(join(directory, 'conf/more-c.yaml'), '#\nauth: { enabled: maybe }');
  await refused(/conf\/more-c\.yaml:2:18: auth\.enabled must be true or false/);
  assert.deepEqual([await status('key-a'), await status('key-b')], [admitted, admitted]);
});

test('logs faults with FILE:LINE:COL and keeps the previous configuration', async (t) => {
  const { directory, file, cli, call, status, fromNow } = await running(t, written(keys('key-a')));
  let line = fromNow();
  await written(`${keys('key-b')}gateway:\n  queue: many\n  prot: 1\n`)(directory);
  await line(rejected);
  const log = cli.stdout();
  for (const fault of [
    `${file}:6:10: gateway.queue must be a whole number from 0 to 10000, not \\"many\\"`,
    `${file}:7:3: unknown setting gateway.prot; did you mean gateway.port?`,
  ]) {
    assert.ok(log.includes(`"level":"error"`) && log.includes(fault), log);
  }
  await cli.note(/^EVENT rejected$/m);
  assert.match(await text(await call('/metrics')), /^portal_gateway_config_reloads_total\{outcome="rejected"\} 1$/m);
  assert.deepEqual([await status('key-a'), await status('key-b')], [admitted, 401]);

  line = fromNow();
  await written(keys('key-b'))(directory);
  await line(reloaded);
  assert.deepEqual([await status('key-a'), await status('key-b')], [401, admitted]);
});

test('reports a rejected reload in /health/details until one is applied', async (t) => {
  const { directory, file, call, fromNow } = await running(t, written(keys('key-a')));
  const rejections = async (): Promise<Record<string, { time: string; errors: string[]; errors_left_off: number }>> => {
    const details = JSON.parse(await text(await call('/health/details'))) as { rejected_reloads: object };
    return details.rejected_reloads as Awaited<ReturnType<typeof rejections>>;
  };
  assert.deepEqual(await rejections(), {});
  const unknown = Array.from({ length: 30 }, (_, i) => `  prot${i}: 1\n`).join('');
  for (const [fault, errors, leftOff] of [
    [
      'gateway:\n  queue: many\n',
      [`${file}:6:10: gateway.queue must be a whole number from 0 to 10000, not "many"`],
      0,
    ],
    [`gateway:\n${unknown}`, undefined, 10],
  ] as const) {
    const line = fromNow();
    const beforeMs = Date.now();
    await written(`${keys('key-b')}${fault}`)(directory);
    await line(rejected);
    const { configuration } = await rejections();
    assert.ok(Date.parse(configuration?.time ?? '') >= beforeMs);
    if (errors !== undefined) assert.deepEqual(configuration?.errors, errors);
    assert.equal(configuration?.errors_left_off, leftOff);
    assert.doesNotMatch(JSON.stringify(configuration), /key-b/);
  }
  const line = fromNow();
  await written(keys('key-b'))(directory);
  await line(reloaded);
  assert.deepEqual(await rejections(), {});
});

test('SIGHUP fetches secrets again, also those without a file', async (t) => {
  const { directory, cli, status, fromNow } = await running(t, async (place) => {
    await writeFile(join(place, 'key'), 'key-a\n', { mode: 0o600 });
    await written('auth: { keys: [{ id: a, key: "file:../key" }] }\nlease_acl: { "*": [a] }')(place);
  });
  assert.equal(await status('key-a'), admitted);
  const line = fromNow();
  await writeFile(join(directory, 'new'), 'key-b\n', { mode: 0o600 });
  await rename(join(directory, 'new'), join(directory, 'key'));
  cli.child.kill('SIGHUP');
  await line(reloaded);
  assert.deepEqual([await status('key-a'), await status('key-b')], [401, admitted]);
});

test('Kubernetes swaps the ConfigMap', async (t) => {
  const mount = async (place: string, version: number, yaml: string): Promise<void> => {
    const volume = join(place, 'conf');
    await mkdir(join(volume, `..${version}`));
    await writeFile(join(volume, `..${version}/gateway.yaml`), yaml);
    await symlink(`..${version}`, join(volume, '..data_tmp'));
    await rename(join(volume, '..data_tmp'), join(volume, '..data'));
    if (version === 1) await symlink('..data/gateway.yaml', join(volume, 'gateway.yaml'));
    else await rm(join(volume, `..${version - 1}`), { recursive: true });
  };
  const { directory, status, fromNow } = await running(t, (place) => mount(place, 1, keys('key-1')));
  for (const version of [2, 3]) {
    const line = fromNow();
    await mount(directory, version, keys(`key-${version}`));
    await line(reloaded);
    assert.deepEqual([await status(`key-${version}`), await status(`key-${version - 1}`)], [admitted, 401]);
  }
});

test('names settings that need a restart while they differ, and applies all others', async (t) => {
  const { directory, cli, status, fromNow } = await running(t, written(keys('key-a')));
  const more = 'admin: { port: 9 }\nportal: { relay_url: "ws://127.0.0.1:1/relay" }\n';
  for (const key of ['key-b', 'key-c']) {
    const line = fromNow();
    await written(`${keys(key)}${more}`)(directory);
    await line(/"setting":"admin\.port","message":"admin\.port has changed[^"]*restart"/);
    await line(/"setting":"portal\.relays"/);
    await line(reloaded);
    assert.equal(await status(key), admitted);
  }
  const line = fromNow();
  const before = cli.stdout().length;
  await written(keys('key-d'))(directory);
  await line(reloaded);
  assert.ok(!cli.stdout().slice(before).includes('restart'));
});

test('applies the log level', async (t) => {
  const { directory, cli, fromNow } = await running(t, written('auth: { enabled: false }\nlogging: { level: info }\n'));
  const line = fromNow();
  await written('auth: { enabled: false }\nlogging: { level: error }\n')(directory);
  await cli.note(/^EVENT applied$/m);
  await written('logging: { level: loud }\n')(directory);
  await line(rejected);
  assert.ok(!cli.stdout().includes('configuration reloaded'));
});

test('requests in flight keep their configuration, and later ones get the new one', async (t) => {
  const { url: relay } = await startRelay(t);
  await publishDemo(t, relay, 'demo');
  const portal = `portal: { relay_url: "${relay}" }\n`;
  const { directory, cli, call, status, fromNow } = await running(t, written(portal + keys('key-a')));
  await cli.line(/relay connected/);
  const stream = await call('/peer/demo/sse?count=20&interval=50', 'key-a');
  await once(stream, 'readable');
  const line = fromNow();
  await written(`${portal}${keys('key-b')}timeouts: { body_idle: 1ms, total: 1ms }\n`)(directory);
  await line(reloaded);
  assert.equal(await status('key-a'), 401);
  assert.match(await text(stream), /id: 20\n/);
});

test('SIGHUP during a drain does not end the process', async (t) => {
  const { url: relay } = await startRelay(t);
  await publishDemo(t, relay, 'demo');
  const { cli, call, fromNow } = await running(t, written(`portal: { relay_url: "${relay}" }\n${keys('key-a')}`));
  await cli.line(/relay connected/);
  const stream = await call('/peer/demo/sse?count=100&interval=50', 'key-a');
  await once(stream, 'readable');
  const line = fromNow();
  cli.child.kill('SIGTERM');
  await line(/"message":"draining"/);
  cli.child.kill('SIGHUP');
  await line(reloaded);
  assert.match(await text(stream), /id: 100\n/);
  assert.equal(await cli.exited, 0);
});

/** A preload that ends each thread that starts while this file exists. */
const endThreads = `data:text/javascript,${encodeURIComponent(
  `import { existsSync } from 'node:fs';
   import { isMainThread } from 'node:worker_threads';
   if (!isMainThread && existsSync(process.env.HOME + '/end-threads')) process.exit(1);`,
)}`;

test('a thread that ends before it has loaded is only a rejected reload', async (t) => {
  const home = await temporaryDirectory(t);
  const { directory, cli, call, status, fromNow } = await running(t, written(keys('key-a')), {
    HOME: home,
    NODE_OPTIONS: `--import=${tellReloads} --import=${endThreads}`,
  });
  await writeFile(join(home, 'end-threads'), '');
  let line = fromNow();
  await written(keys('key-b'))(directory);
  await line(/"reason":"the thread \\"configuration\\" ended early","message":"cannot load the configuration/);
  await cli.note(/^EVENT rejected$/m);
  assert.match(await text(await call('/metrics')), /^portal_gateway_config_reloads_total\{outcome="rejected"\} 1$/m);
  assert.deepEqual([await status('key-a'), await status('key-b')], [admitted, 401]);
  await rm(join(home, 'end-threads'));
  line = fromNow();
  cli.child.kill('SIGHUP');
  await line(reloaded);
  assert.deepEqual([await status('key-a'), await status('key-b')], [401, admitted]);
});

test('of successive reloads the last one applies, and none is lost', async (t) => {
  const { directory, cli, status, fromNow } = await running(t, async (place) => {
    await writeFile(join(place, 'conf/keys.yaml'), 'version: 1\nkeys: []\n', { mode: 0o600 });
    await written(`${keys('key-0')}  keys_file: keys.yaml\n`)(place);
  });
  const line = fromNow();
  for (let i = 1; i <= 10; i += 1) {
    await written(`${keys(`key-${i}`)}  keys_file: keys.yaml\n`)(directory);
    cli.child.kill('SIGHUP');
    await writeFile(join(directory, 'conf/keys.yaml'), `version: 1\nkeys: [] # ${i}\n`);
  }
  await line(reloaded);
  while ((await status('key-10')) !== admitted) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(await status('key-9'), 401);
});
