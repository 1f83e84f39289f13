// Puts marked secrets in every place that may hold one and in some that may not. No mark may appear
// in the output, whatever else is wrong.
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { faultLines, loadText } from '../../../../test/helpers/config.ts';
import { startVault } from '../../../../test/helpers/secret-managers.ts';
import { mark } from '../../../../test/secrecy/marks.ts';
import type { LoadResult } from '../../load/load.ts';
import { findingLine } from '../origin.ts';
import { configTable, printConfig } from '../../load/print.ts';

const marks = {
  plain: `${mark}-1-plain`,
  environment: `${mark}-2-environment`,
  file: `${mark}-3-file`,
  vault: `${mark}-4-vault`,
  header: `${mark}-5-header`,
  credential: `${mark}-6-credential`,
  keyFromEnvironment: `${mark}-7-environment-key`,
} as const;

const text = `
auth:
  keys:
    - { id: plain, key: ${marks.plain} }
    - { id: variable, key: "\${SECRET}" }
    - { id: file, key: "file:secret" }
    - { id: vault, key: "vault:secret/gateway#key" }
leases:
  app:
    headers:
      request:
        set: { X-Backend: "a \${HEADER} b", Authorization: "Bearer ${marks.credential}", X-Plain: shown }
`;

async function load(t: TestContext, more: string): Promise<LoadResult> {
  const vault = await startVault(t, { token: 'token', secrets: { 'secret/data/gateway': { key: marks.vault } } });
  return loadText(t, text + more, {
    files: { secret: marks.file },
    env: {
      SECRET: marks.environment,
      HEADER: marks.header,
      GATEWAY_API_KEY: marks.keyFromEnvironment,
      VAULT_ADDR: vault.url,
      VAULT_TOKEN: 'token',
    },
  });
}

/** All output of commands and logs. */
function outputOf(result: LoadResult): string {
  const { warnings } = result;
  const findings = [...(result.ok ? [] : result.faults), ...warnings];
  const config = result.ok ? result.config : result.rest;
  const printed = result.ok
    ? [...printConfig(result.config, result.sources), JSON.stringify(configTable(result.config, result.sources))]
    : [];
  // Logs and errors may show an object, so its serialised form must not contain the secret either.
  assert.ok(config === undefined || config.auth.keys.length > 0);
  return [...findings.map(findingLine), JSON.stringify(findings), ...printed].join('\n');
}

function assertSilent(output: string): void {
  for (const [where, mark] of Object.entries(marks)) assert.ok(!output.includes(mark), `${where}: ${output}`);
}

test('a valid configuration', async (t) => {
  const result = await load(t, '');
  assert.deepEqual(faultLines(result), []);
  assert.ok(result.ok);
  const keys = result.config.auth.keys.map(({ key }) => key);
  assert.deepEqual(keys, [marks.plain, marks.environment, marks.file, marks.vault, marks.keyFromEnvironment]);
  const { set } = result.config.leases['app']?.headers.request ?? assert.fail();
  assert.deepEqual(set, {
    'X-Backend': `a ${marks.header} b`,
    Authorization: `Bearer ${marks.credential}`,
    'X-Plain': 'shown',
  });
  const output = outputOf(result);
  assertSilent(output);
  for (const part of [
    'X-Plain: shown',
    'X-Backend: "***"',
    'Authorization: "***"',
    'key: "***"',
    'auth.keys[0].key is in the file as plain text (and 1 more)',
  ]) {
    assert.ok(output.includes(part), `${part}\n${output}`);
  }
});

describe('a configuration with faults', () => {
  for (const [what, more] of [
    ['elsewhere', 'gateway: { port: x }'],
    ['a key that is too long', `portal: { identity: "${marks.plain}" }`],
    ['a key in place of a name', 'gateway: { port: "${SECRET}", host: "file:secret" }'],
    ['a key given twice', `cors: { enabled: true, origins: ["*"], credentials: true }`],
    ['a malformed line after it', 'gateway: ['],
    ['a section given twice', 'auth: { keys: [] }'],
  ] as const) {
    test(what, async (t) => {
      const result = await load(t, more);
      assert.equal(result.ok, false);
      assertSilent(outputOf(result));
    });
  }

  for (const [what, yaml] of [
    ['a key with a space', `auth: { keys: [{ id: one, key: "${marks.plain} x" }] }`],
    [
      'a key that is a number or a list',
      `auth: { keys: [{ id: one, key: [${marks.plain}] }, { id: two, key: 1234567890 }] }`,
    ],
    ['keys as a list of texts', `auth: { keys: [${marks.plain}] }`],
    ['keys as a text', `auth: { keys: ${marks.plain} }`],
    ['a repeated key', `auth: { keys: [{ id: one, key: ${marks.plain} }, { id: two, key: ${marks.plain} }] }`],
    ['an invalid header value', `leases: { a: { headers: { request: { set: { X-A: "${marks.plain}\\n" } } } } }`],
    ['an invalid reference', `auth: { keys: [{ id: one, key: "\${${marks.plain}" }] }`],
    ['a misspelled reference', `auth: { keys: [{ id: one, key: "\${SECRET-${marks.plain}}" }] }`],
    ['an invalid identity', `portal: { identity: "${marks.plain}" }`],
    ['a relay with a password', `portal: { relay_url: "wss://user:${marks.plain}@relay.example/relay" }`],
  ] as const) {
    test(what, async (t) => {
      const result = await loadText(t, yaml);
      const findings = [...(result.ok ? assert.fail() : result.faults), ...result.warnings];
      const lines = findings.map(findingLine).join('\n');
      assert.ok(!lines.includes(marks.plain) && !lines.includes('1234567890'), lines);
    });
  }

  test('truncates a key of our form in the place of a name', async (t) => {
    const key = 'sk_live_0123456789abcdefABCDEFGHIJ';
    for (const yaml of [`${key}: 1`, `gateway: { ${key}: 1, host: "${key} x" }`, `leases: { "${key}": { x: 1 } }`]) {
      const result = await loadText(t, yaml);
      const lines = (result.ok ? assert.fail() : result.faults).map(findingLine).join('\n');
      assert.ok(!lines.includes('0123456789'), lines);
    }
  });
});
