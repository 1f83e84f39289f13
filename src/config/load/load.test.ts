import assert from 'node:assert/strict';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { faultLines, loadText, warningLines } from '../../../test/helpers/config.ts';
import { turnCpuOf } from '../../../test/helpers/turn-cpu.ts';

const key = 'auth: { keys: [{ id: one, key: "${KEY}" }] }\n';
const env = { KEY: '5e3f0c9b7a1d48265e3f' };

test('flags override the environment, the environment overrides the file, the file overrides defaults', async (t) => {
  const text = `${key}gateway: { host: 0.0.0.0, port: 1000, queue: 7 }\n`;
  const result = await loadText(t, text, {
    env: { ...env, GATEWAY_PORT: '2000', GATEWAY_HOST: '::1' },
    flags: [{ name: '--port', path: ['gateway', 'port'], value: 3000 }],
  });
  assert.ok(result.ok);
  const { host, port, queue, maxInFlight } = result.config.gateway;
  assert.deepEqual({ host, port, queue, maxInFlight }, { host: '::1', port: 3000, queue: 7, maxInFlight: 2000 });
});

test('reports all faults of file, environment and secrets at once, each with its place', async (t) => {
  const text = 'gateway:\n  prot: 1\n  queue: -1\nauth: { keys: [{ id: one, key: "${NOT_SET}" }] }\n';
  const lines = faultLines(await loadText(t, text, { env: { GATEWAY_PORT: 'eighty' } }));
  assert.deepEqual(
    lines.map((line) => /^[^ ]+/.exec(line)?.[0]),
    ['gateway.yaml:2:3:', 'gateway.yaml:3:10:', 'gateway.yaml:4:32:', 'GATEWAY_PORT:'],
  );
  assert.match(lines[0] ?? '', /did you mean .*port/);
  assert.match(lines[2] ?? '', /NOT_SET/);
});

test('rejects a section of a later release with that reason', async (t) => {
  const [line = '', ...more] = faultLines(await loadText(t, `${key}cache: { enabled: true }\n`, { env }));
  assert.match(line, /^gateway\.yaml:2:1: cache comes with a later release/);
  assert.deepEqual(more, []);
});

test('warns about an unknown variable name and recognises variables injected by Kubernetes', async (t) => {
  const lines = warningLines(
    await loadText(t, `${key}lease_acl: { "*": ["*"] }`, {
      env: { ...env, GATEWAY_PROT: '1', GATEWAY_SERVICE_HOST: '10.0.0.1', PORTAL_PORT_80_TCP_ADDR: '10.0.0.2' },
    }),
  );
  assert.equal(lines.length, 2);
  assert.ok(lines.some((line) => line.startsWith('GATEWAY_PROT: ') && line.includes('did you mean GATEWAY_PORT?')));
  assert.ok(lines.some((line) => line.includes('Kubernetes') && line.includes('GATEWAY_SERVICE_HOST')));
});

for (const [what, text, options, relays] of [
  ['neither form is the default', '', {}, ['ws://localhost:4017/relay']],
  ['the short form is a list of one', 'portal: { relay_url: ws://one }', {}, ['ws://one']],
  ['an empty list is no list', 'portal:\n  relay_url: ws://one\n  relays: []', {}, ['ws://one']],
  ['a missing list is no list', 'portal:\n  relay_url: ws://one\n  relays:', {}, ['ws://one']],
  [
    'the environment wins over a list in the file',
    'portal: { relays: [{ url: ws://one }, { url: ws://two }] }',
    { env: { PORTAL_RELAY_URL: 'ws://three' } },
    ['ws://three'],
  ],
  [
    'a flag wins over the environment',
    'portal: { relay_url: ws://one }',
    {
      env: { PORTAL_RELAY_URL: 'ws://two' },
      flags: [{ name: '--relay', path: ['portal', 'relays'], value: [{ url: 'ws://three' }, { url: 'ws://four' }] }],
    },
    ['ws://three', 'ws://four'],
  ],
] as const) {
  test(`relays: ${what}`, async (t) => {
    const result = await loadText(t, `${text}\n`, options);
    assert.deepEqual(faultLines(result), []);
    assert.ok(result.ok);
    assert.deepEqual(
      result.config.portal.relays.map(({ url }) => url),
      relays,
    );
  });
}

test('accepts an IPv6 listen address in brackets, in the file and in the environment', async (t) => {
  for (const env of [{}, { GATEWAY_HOST: '[::]' }]) {
    const result = await loadText(t, 'gateway: { host: "[::1]" }', { env });
    assert.ok(result.ok);
    assert.equal(result.config.gateway.host, 'GATEWAY_HOST' in env ? '::' : '::1');
  }
});

test('GATEWAY_API_KEY adds a key to those of the file', async (t) => {
  for (const text of [key, 'auth: { keys: [] }', 'auth:\n  keys:\n', 'auth:\n', '#']) {
    const result = await loadText(t, text, { env: { ...env, GATEWAY_API_KEY: 'other-key' } });
    assert.ok(result.ok);
    const added = result.config.auth.keys.at(-1);
    assert.deepEqual([added?.id, added?.key, added?.scopes], ['environment', 'other-key', ['read', 'write']]);
  }
});

test("reports a fault in a flag by the flag's name, after faults of file and environment", async (t) => {
  const lines = faultLines(
    await loadText(t, 'gateway: { queue: x }', {
      env: { GATEWAY_IDLE_TIMEOUT: '10' },
      flags: [{ name: '--host', path: ['gateway', 'host'], value: 'a b' }],
    }),
  );
  assert.deepEqual(lines, [
    'gateway.yaml:1:19: gateway.queue must be a whole number from 0 to 10000, not "x"',
    'GATEWAY_IDLE_TIMEOUT: gateway.idle_timeout needs a unit: 10s, or 10ms',
    '--host: gateway.host must be an address or a host name, not "a b"',
  ]);
});

test('reports one fault per setting, however many things are wrong with it', async (t) => {
  for (const value of ['-1.5', '1e300', '.inf', '.nan', '{}', '[[]]', 'x']) {
    const lines = faultLines(await loadText(t, `${key}gateway: { port: ${value}, idle_timeout: ${value} }`, { env }));
    assert.equal(lines.length, 2, lines.join('\n'));
  }
});

test('explains a reference where none is allowed, and suggests the section for a misplaced name', async (t) => {
  const lines = faultLines(
    await loadText(
      t,
      `${key}gateway: { port: "\${PORT}", keepalive_interval: 1s }\ntimeout: { dial: 1s }\nprot: 1\nmetrics: { zzz: 1 }`,
      {
        env,
      },
    ),
  );
  assert.deepEqual(lines, [
    'gateway.yaml:2:18: gateway.port must be a whole number from 0 to 65535, not "${PORT}": only secrets can be references',
    'gateway.yaml:2:29: unknown setting gateway.keepalive_interval; did you mean portal.keepalive_interval?',
    'gateway.yaml:3:1: unknown setting timeout; did you mean timeouts?',
    'gateway.yaml:4:1: unknown setting prot',
    'gateway.yaml:5:12: unknown setting metrics.zzz; known settings are enabled, path, allowed_cidrs',
  ]);
});

test('limits the list of faults and reports how many more there are', async (t) => {
  const text = Array.from({ length: 1000 }, (_, i) => `a${i}: 1`).join('\n');
  const lines = faultLines(await loadText(t, text));
  assert.equal(lines.length, 201);
  assert.equal(lines.at(-1), 'and 800 more errors');
});

test('faults do not hide the valid rest, which can still be counted', async (t) => {
  const text = `auth: { keys: [{ id: one, key: "\${KEY}" }, { id: "*", key: two }, { key: three }] }\ngateway: { port: x, queue: 7 }`;
  const result = await loadText(t, text, { env });
  assert.ok(!result.ok);
  assert.deepEqual(
    result.rest?.auth.keys.map(({ id }) => id),
    ['one'],
  );
  assert.equal(result.rest.gateway.queue, 7);
  assert.equal(result.rest.gateway.port, 8080);
});

test('paths are relative to the file that names them; paths from the environment, to the working directory', async (t) => {
  const result = await loadText(t, '#', {
    env: { GATEWAY_CONFIG: 'ignored', LOGGING_FILE_PATH: 'a.log' },
  });
  assert.ok(result.ok);
  assert.match(result.config.logging.file.path, /^\/.*\/a\.log$/);
  const inFile = await loadText(t, 'logging: { file: { path: ../b.log } }');
  assert.ok(inFile.ok);
  assert.equal(inFile.config.logging.file.path, join(dirname(dirname(inFile.files.paths[0] ?? '')), 'b.log'));
});

/**
 * Milliseconds of CPU time; the minimum of several rounds, since other load disturbs each of them.
 */
async function cpuOfLoad(t: TestContext, text: string): Promise<number> {
  const costs: number[] = [];
  for (let round = 0; round < 2; round += 1) {
    costs.push((await turnCpuOf(() => loadText(t, text))).totalMs);
  }
  return Math.min(...costs);
}

const list = (count: number, line: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => line(i)).join('');
for (const [what, textOf] of [
  [
    'rules that name unknown keys',
    (count: number) =>
      `auth:\n  keys:\n${list(count, (i) => `    - { id: key-${i}, key: key-${i}-0123456789 }\n`)}` +
      `lease_acl:\n${list(count, (i) => `  "lease-${i}-*": [other-${i}]\n`)}`,
  ],
  [
    'identical keys with an unknown setting',
    (count: number) => `auth:\n  keys:\n${list(count, (i) => `    - { id: k${i}, key: a, x: 1 }\n`)}`,
  ],
] as const) {
  test(`loading time grows linearly with the file: ${what}`, async (t) => {
    await cpuOfLoad(t, textOf(500));
    const [small, large] = [await cpuOfLoad(t, textOf(1_000)), await cpuOfLoad(t, textOf(4_000))];
    t.diagnostic(`${small.toFixed(0)} ms for 1,000 entries, ${large.toFixed(0)} ms for 4,000`);
    // The file is four times as large: quadratic work would take sixteen times as long.
    assert.ok(large < 8 * small, `${small} ms, then ${large} ms`);
  });
}

test('a secret that cannot be fetched is the only finding: warnings about the rest would mislead', async (t) => {
  const result = await loadText(t, 'auth: { keys: [{ id: a, key: "${NOT_SET}" }] }', { env: {} });
  assert.equal(faultLines(result).length, 1);
  assert.deepEqual(warningLines(result), []);
});
