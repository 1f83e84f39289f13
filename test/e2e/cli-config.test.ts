// `validate`, `config print`, `config schema` and `start --config` as users and CI run them.
import assert from 'node:assert/strict';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { parse } from 'yaml';
import { startCli } from '../helpers/cli.ts';
import { configPlace, type ConfigPlace } from '../helpers/config-place.ts';
import { schemaFaults } from '../helpers/json-schema.ts';
import { publishDemo, startRelay } from '../helpers/published-demo.ts';
import { startVault } from '../helpers/secret-managers.ts';
import { mark, markedSecret } from '../secrecy/marks.ts';

const token = markedSecret('vault-token');

const faulty = `gateway:
  prot: 8080
  idle_timeout: 10
auth:
  keys:
    - { id: billing-bot, key: "\${KEY}" }
    - { id: reports, key: "\${NOT_SET}" }
leases:
  "mcp-*": {}
`;

function placeWith(t: TestContext, yaml: string): Promise<ConfigPlace> {
  return configPlace(t, yaml, { KEY: `${mark}-key` });
}

describe('validate', () => {
  test('prints every fault of file, environment and secrets, and a summary', async (t) => {
    const { file, run } = await placeWith(t, faulty);
    const { code, stdout, stderr } = await run(['validate', '--config', file], {
      GATEWAY_QUEUE: 'x',
      GATEWAY_HOTS: 'y',
    });
    assert.equal(code, 1);
    assert.deepEqual(stdout.trimEnd().split('\n'), [
      `${file}:2:3: unknown setting gateway.prot; did you mean gateway.port?`,
      `${file}:3:17: gateway.idle_timeout needs a unit: 10s, or 10ms`,
      `${file}:7:27: auth.keys[1].key needs \${NOT_SET}, which is not set in the environment: set it, or correct the name`,
      'GATEWAY_QUEUE: gateway.queue must be a whole number from 0 to 10000, not "x"',
    ]);
    assert.deepEqual(stderr.trimEnd().split('\n'), [
      'warning: GATEWAY_HOTS: is not a setting of the gateway and has no effect; did you mean GATEWAY_HOST?',
      `portal-gateway: ${file} has 4 errors: 2 keys, 0 rules, 1 relay`,
    ]);
  });

  test('summarises a valid file', async (t) => {
    const { file, run } = await placeWith(t, 'auth: { keys: [{ id: a, key: "${KEY}" }] }\nlease_acl: { app: [a] }');
    const { code, stdout, stderr } = await run(['validate'], { GATEWAY_CONFIG: file });
    assert.deepEqual([code, stdout, stderr], [0, `${file} is valid: 1 key, 1 rule, 1 relay\n`, '']);
  });

  test('counts only the rules of lease_acl', async (t) => {
    const rules = 'auth: { enabled: false }\nlease_acl:\n  app: [anonymous]\n  mcp-*: [anonymous]\n';
    const noRules = '  "a*b": [anonymous]\n  other: 5\n  third: [""]\n';
    const [valid, faulty] = [await placeWith(t, rules), await placeWith(t, rules + noRules)];
    const countOf = async ({ file, run }: ConfigPlace): Promise<unknown> => {
      const { stdout } = await run(['validate', '--json', file]);
      const { faults, counts } = JSON.parse(stdout) as Readonly<
        Record<'faults' | 'counts', Readonly<Record<string, unknown>>>
      >;
      return [faults['length'], counts['rules']];
    };
    assert.deepEqual(await countOf(valid), [0, 2]);
    assert.deepEqual(await countOf(faulty), [3, 2]);
  });

  test('checks environment and defaults without a file', async (t) => {
    const { run } = await placeWith(t, '#');
    const { code, stdout } = await run(['validate'], { GATEWAY_API_KEY: 'key' });
    assert.deepEqual([code, stdout], [0, 'the configuration is valid: 1 key, 0 rules, 1 relay\n']);
  });

  test('prints the same as JSON', async (t) => {
    const { file, run } = await placeWith(t, faulty);
    const { code, stdout } = await run(['validate', '--json', '--config', file]);
    assert.equal(code, 1);
    assert.equal(stdout.trimEnd().includes('\n'), false);
    const found = JSON.parse(stdout) as Record<string, unknown> & { faults: object[] };
    assert.deepEqual(
      { ...found, faults: found.faults.length },
      {
        valid: false,
        faults: 3,
        warnings: [],
        warnings_left_off: 0,
        relays: [],
        counts: { keys: 2, rules: 0, relays: 1 },
      },
    );
    assert.deepEqual(found.faults[0], {
      kind: 'file',
      file,
      line: 2,
      column: 3,
      message: 'unknown setting gateway.prot; did you mean gateway.port?',
    });
    const fine = await run(['validate', '--json'], { GATEWAY_API_KEY: 'key' });
    assert.deepEqual([fine.code, fine.stderr], [0, '']);
    const { valid, warnings } = JSON.parse(fine.stdout) as { valid: unknown; warnings: { message: string }[] };
    assert.equal(valid, true);
    assert.match(warnings[0]?.message ?? '', /^lease_acl allows no caller: .*403/);
  });

  test('contacts the relays only if requested', async (t) => {
    const { url } = await startRelay(t);
    await publishDemo(t, url, 'demo');
    const gone = 'ws://127.0.0.1:9/relay';
    const { file, run } = await placeWith(
      t,
      `auth: { enabled: false }\nportal: { relays: [{ url: "${url}" }, { url: "${gone}" }] }`,
    );
    assert.equal((await run(['validate', '--config', file])).code, 0);
    const { code, stdout, stderr } = await run(['validate', '--check-relays', '--config', file]);
    assert.equal(code, 75);
    assert.match(stdout, new RegExp(`^relay ${gone} is unreachable: .*\n${url}: connected, 1 lease\n$`));
    assert.match(stderr, /has 1 error: 0 keys, 0 rules, 2 relays\n$/);
  });

  test('escapes a file name that would move the cursor', async (t) => {
    const { run } = await placeWith(t, '#');
    const { code, stdout, stderr } = await run(['validate', '--config', 'a\u001b[2J\u202eb']);
    assert.equal(code, 1);
    assert.match(stdout + stderr, /^[\x20-\x7e\n]+$/);
  });
});

describe('prints one line per fault of the file', () => {
  const cases: readonly (readonly [string, (path: string) => unknown, RegExp])[] = [
    [
      'a missing file',
      () => undefined,
      /gateway\.yml:1:1: the configuration file does not exist: create it, or correct the path$/,
    ],
    [
      'a directory',
      (path) => mkdir(path),
      /gateway\.yml:1:1: the configuration file is a directory: name a file in it$/,
    ],
    ['invalid YAML', (path) => writeFile(path, 'a: [1,\n'), /gateway\.yml:2:1: is not indented like its siblings/],
    ['a single fault', (path) => writeFile(path, 'gateway: { port: x }'), /gateway\.yml:1:18: gateway\.port must be/],
  ];
  for (const [what, prepare, says] of cases) {
    test(`start: ${what}`, async (t) => {
      const { directory, run } = await placeWith(t, '#');
      const path = join(directory, 'gateway.yml');
      await prepare(path);
      const { code, stdout, stderr } = await run(['start', '--config', path]);
      assert.deepEqual([code, stdout], [1, '']);
      const [line = '', ...more] = stderr.trimEnd().split('\n');
      assert.deepEqual(more, []);
      assert.match(line, /^portal-gateway: /);
      assert.match(line, says);
    });
  }

  test('start: prints several faults on a line each', async (t) => {
    const { file, run } = await placeWith(t, faulty);
    const { code, stdout, stderr } = await run(['start'], { GATEWAY_CONFIG: file });
    assert.deepEqual([code, stdout], [1, '']);
    assert.equal(stderr.trimEnd().split('\n').length, 4);
    assert.match(stderr, /\nportal-gateway: the configuration has 3 errors\n$/);
  });

  test('an unknown option is a usage error', async (t) => {
    const { run } = await placeWith(t, '#');
    for (const args of [
      ['validate', '--bogus'],
      ['config', 'print', '--bogus'],
      ['config', 'bogus'],
      ['validate', '--config'],
    ]) {
      const { code, stdout, stderr } = await run(args);
      assert.deepEqual([code, stdout], [2, ''], args.join(' '));
      assert.match(stderr, /^portal-gateway: .*--help"\n$/);
    }
  });
});

describe('config print', () => {
  test('prints every value with its origin, and no secret', async (t) => {
    const vault = await startVault(t, {
      token,
      secrets: { 'secret/data/gateway': { key: `${mark}-vault` } },
    });
    const yaml = `
gateway: { queue: 7 }
auth:
  keys:
    - { id: plain, key: ${mark}-plain }
    - { id: variable, key: "\${SECRET}" }
    - { id: file, key: "file:secret" }
    - { id: vault, key: "vault:secret/gateway#key" }
leases: { app: { headers: { request: { set: { Authorization: ${mark}-header, X-B: "\${SECRET}" } } } } }
lease_acl: { app: [plain] }
`;
    const { directory, file, run } = await placeWith(t, yaml);
    await writeFile(join(directory, 'secret'), `${mark}-file`);
    await chmod(join(directory, 'secret'), 0o600);
    const environment = {
      SECRET: `${mark}-variable`,
      GATEWAY_API_KEY: `${mark}-environment`,
      GATEWAY_PORT: '9999',
      VAULT_ADDR: vault.url,
      VAULT_TOKEN: token,
    };
    const { code, stdout, stderr } = await run(['config', 'print', '--config', file], environment);
    assert.equal(code, 0);
    const lines = stdout.split('\n').map((line) => line.replace(/(?<! ) +#/, ' #'));
    for (const line of [`  queue: 7 # ${file}:2:19`, '  port: 9999 # GATEWAY_PORT', '  host: 127.0.0.1 # default']) {
      assert.ok(lines.includes(line), stdout);
    }
    assert.equal(stdout.split('"***"').length - 1, 7);
    assert.match(stderr, /^warning: .*auth\.keys\[0\]\.key is in the file as plain text \(and 1 more\)/m);

    const json = await run(['config', 'print', '--json', '--config', file], environment);
    const rows = JSON.parse(json.stdout) as { setting: string; value: unknown; origin: string }[];
    const row = (setting: string): object | undefined => rows.find((one) => one.setting === setting);
    assert.deepEqual(row('gateway.port'), { setting: 'gateway.port', value: 9999, origin: 'GATEWAY_PORT' });
    assert.deepEqual(row('auth.keys[4].key'), { setting: 'auth.keys[4].key', value: '***', origin: 'GATEWAY_API_KEY' });

    const validated = await run(['validate', '--json', '--config', file], environment);
    for (const output of [stdout, stderr, json.stdout, json.stderr, validated.stdout, validated.stderr]) {
      assert.ok(!output.includes(mark), output);
    }

    // With its secrets put back, the printed text is a valid configuration again.
    const printed = stdout.replaceAll('"***"', () => '"${S}"');
    const again = await placeWith(
      t,
      printed.replace(/^ *- id: (?:variable|file|vault|environment)\b.*\n(?: {6}.*\n)*/gm, ''),
    );
    const verdict = await again.run(['validate', '--config', again.file], { S: `${mark}-again` });
    assert.deepEqual([verdict.code, verdict.stderr], [0, '']);
  });

  test('prints no configuration while there are faults', async (t) => {
    const { file, run } = await placeWith(t, faulty);
    const { code, stdout, stderr } = await run(['config', 'print', '--config', file]);
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, /:2:3: unknown setting gateway\.prot/);
    assert.match(stderr, /\nportal-gateway: the configuration has errors/);
  });
});

test('config schema prints the JSON Schema, without reading file or environment', async (t) => {
  const { run } = await placeWith(t, '#');
  const { code, stdout, stderr } = await run(['config', 'schema'], { GATEWAY_PORT: 'x', GATEWAY_CONFIG: '/nowhere' });
  assert.deepEqual([code, stderr], [0, '']);
  const schema = JSON.parse(stdout) as Record<string, unknown>;
  assert.equal(schema['$schema'], 'http://json-schema.org/draft-07/schema#');
  assert.deepEqual(schemaFaults(schema, parse('gateway: { port: 1, idle_timeout: 5m }')), []);
  assert.deepEqual(schemaFaults(schema, parse('gateway: { prot: 1 }')), ['$.gateway.prot: additionalProperties']);
});

test('start: flags override the environment, and the environment overrides the file', async (t) => {
  const yaml =
    'gateway: { host: 127.0.0.2, port: 1, queue: 7 }\nauth: { enabled: false }\nportal: { relay_url: "ws://127.0.0.1:9/a" }\n';
  const { file, directory } = await placeWith(t, yaml);
  const environment = { XDG_STATE_HOME: directory, GATEWAY_CONFIG: file };
  const started = async (args: readonly string[], more: Record<string, string>): Promise<string> => {
    const cli = startCli(t, ['start', ...args], { ...environment, ...more });
    const [line] = await cli.line(/^.*"message":"listening".*$/m);
    cli.child.kill('SIGTERM');
    assert.equal(await cli.exited, 0);
    return line;
  };
  const first = await started([], { GATEWAY_PORT: '0', PORTAL_RELAY_URL: 'ws://127.0.0.1:9/b' });
  assert.match(first, /"url":"http:\/\/127\.0\.0\.2:\d+".*"relays":\["ws:\/\/127\.0\.0\.1:9\/b"\]/);
  const second = await started(['--host', '127.0.0.1', '--port', '0', '--relay', 'ws://127.0.0.1:9/c'], {
    GATEWAY_HOST: '127.0.0.3',
    GATEWAY_PORT: '1',
    PORTAL_RELAY_URL: 'ws://127.0.0.1:9/b',
  });
  assert.match(second, /"url":"http:\/\/127\.0\.0\.1:\d+".*"relays":\["ws:\/\/127\.0\.0\.1:9\/c"\]/);
});
