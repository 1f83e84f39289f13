import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { loadText } from '../../../../test/helpers/config.ts';
import { assertKey, assertKeyFault, loadKey, secretMark as mark } from '../../../../test/helpers/referenced-key.ts';
import { startVault, type VaultOptions } from '../../../../test/helpers/secret-managers.ts';
import type { LoadResult } from '../../load/load.ts';

const token = 'hvs.the-token';
const certificates = join(import.meta.dirname, '../../../../test/helpers/tls');

interface Settings {
  readonly env?: Readonly<Record<string, string>>;
  readonly vault?: Partial<VaultOptions>;
  readonly signal?: AbortSignal;
  readonly files?: Readonly<Record<string, string>>;
}

async function keyFrom(t: TestContext, reference: string, settings: Settings = {}): Promise<LoadResult> {
  const vault = await startVault(t, {
    token,
    secrets: { 'secret/data/gateway': { key: mark, number: 7, empty: '', list: [mark] }, 'secret/data/gone': null },
    ...settings.vault,
  });
  return loadKey(t, reference, {
    env: { VAULT_ADDR: vault.url, VAULT_TOKEN: token, ...settings.env },
    ...(settings.signal !== undefined && { signal: settings.signal }),
    ...(settings.files !== undefined && { files: settings.files }),
  });
}

function assertFault(result: LoadResult, says: string): void {
  assertKeyFault(result, says, token);
}

function assertUnavailable(result: LoadResult, says: string): void {
  assertKeyFault(result, says, token, 'secret_manager_unavailable');
}

describe('a secret in Vault', () => {
  for (const reference of [
    'vault:secret/gateway#key',
    'vault:secret/data/gateway#key',
    'vault:/secret//gateway/#key',
  ]) {
    test(`is fetched by ${reference}`, async (t) => {
      assertKey(await keyFrom(t, reference));
    });
  }

  test('may be a number', async (t) => {
    assertKey(await keyFrom(t, 'vault:secret/gateway#number'), '7');
  });

  test('is requested once, however many of its fields are used, with the headers that Vault expects', async (t) => {
    const vault = await startVault(t, { token, secrets: { 'kv/data/team a/x': { one: 'key-1', two: 'key-2' } } });
    const text = `auth: { keys: [{ id: one, key: "vault:kv/team a/x#one" }, { id: two, key: "vault:kv/team a/x#two" }] }`;
    const result = await loadText(t, text, { env: { VAULT_ADDR: `${vault.url}/`, VAULT_TOKEN: token } });
    assert.ok(result.ok);
    assert.deepEqual(
      vault.asked.map(({ method, url }) => [method, url]),
      [['GET', '/v1/kv/data/team%20a/x']],
    );
    assert.equal(vault.asked[0]?.headers['x-vault-request'], 'true');
  });

  test('is fetched with a token from a file', async (t) => {
    const env = { VAULT_TOKEN: '', VAULT_TOKEN_FILE: join(certificates, 'cert.pem') };
    const other = await keyFrom(t, 'vault:secret/gateway#key', { env });
    assertFault(other, 'cannot be fetched from Vault: the token contains invalid characters');
    const file = join((await loadText(t, '#', { files: { token: `${token}\n` } })).files.paths[0] ?? '', '../token');
    assertKey(await keyFrom(t, 'vault:secret/gateway#key', { env: { VAULT_TOKEN: '', VAULT_TOKEN_FILE: file } }));
  });

  test('may be in a namespace', async (t) => {
    const vault = { namespace: 'team-a' };
    assertKey(await keyFrom(t, 'vault:secret/gateway#key', { vault, env: { VAULT_NAMESPACE: 'team-a' } }));
    assertFault(
      await keyFrom(t, 'vault:secret/gateway#key', { vault }),
      'cannot be fetched from Vault: there is no such secret (404)',
    );
  });

  test('is fetched over TLS from servers that VAULT_CACERT vouches for, and from no others', async (t) => {
    const [key, cert] = await Promise.all(
      ['key.pem', 'cert.pem'].map((name) => readFile(join(certificates, name), 'utf8')),
    );
    const vault = { tls: { key: key ?? '', cert: cert ?? '' } };
    const env = { VAULT_CACERT: join(certificates, 'cert.pem') };
    assertKey(await keyFrom(t, 'vault:secret/gateway#key', { vault, env }));
    assertFault(
      await keyFrom(t, 'vault:secret/gateway#key', { vault }),
      'cannot be fetched from Vault: DEPTH_ZERO_SELF_SIGNED_CERT',
    );
  });
});

describe('reports a failed Vault secret at its reference', () => {
  const faults: readonly (readonly [string, string, Settings])[] = [
    ['an unknown path', 'cannot be fetched from Vault: there is no such secret (404)', {}],
    [
      'a wrong token',
      'cannot be fetched from Vault: its token may not read this path (403)',
      { env: { VAULT_TOKEN: 'other' } },
    ],
    [
      'no token',
      'cannot be fetched from Vault: neither VAULT_TOKEN nor VAULT_TOKEN_FILE is set',
      { env: { VAULT_TOKEN: '' } },
    ],
    ['no address', 'cannot be fetched from Vault: VAULT_ADDR is not set', { env: { VAULT_ADDR: '' } }],
    [
      'an invalid address',
      'cannot be fetched from Vault: VAULT_ADDR is not an http:// or https:// URL',
      { env: { VAULT_ADDR: 'vault:8200' } },
    ],
    [
      'a missing token file',
      'cannot be fetched from Vault: VAULT_TOKEN_FILE names the file "/nowhere", which does not exist: create it, or correct the path',
      { env: { VAULT_TOKEN: '', VAULT_TOKEN_FILE: '/nowhere' } },
    ],
    [
      'a missing CA file',
      'cannot be fetched from Vault: VAULT_CACERT names the file "/nowhere", which does not exist: create it, or correct the path',
      { env: { VAULT_CACERT: '/nowhere' } },
    ],
    [
      'an invalid CA file',
      'cannot be fetched from Vault: there is no such secret (404)', // only TLS settings read it
      { env: { VAULT_CACERT: join(certificates, 'README.md') } },
    ],
    [
      'a namespace that is invalid in a header',
      'cannot be fetched from Vault: the request could not be sent',
      { env: { VAULT_NAMESPACE: 'a\nb' } },
    ],
  ];
  for (const [what, says, settings] of faults) {
    test(what, async (t) => {
      const result = await keyFrom(t, 'vault:secret/unknown#key', settings);
      assertFault(result, says);
    });
  }

  test('a deleted version', async (t) => {
    assertFault(
      await keyFrom(t, 'vault:secret/gone#key'),
      'cannot be fetched from Vault: there is no such secret (404)',
    );
  });

  for (const [field, says] of [
    ['other', 'names the field "other", which the secret does not have'],
    ['constructor', 'names the field "constructor", which the secret does not have'],
    ['list', 'names the field "list", which is not text'],
    ['empty', 'names the field "empty", which is not text'],
  ] as const) {
    test(`the field ${field}`, async (t) => {
      assertFault(await keyFrom(t, `vault:secret/gateway#${field}`), says);
    });
  }

  for (const path of ['gateway', 'secret/../sys/seal', 'secret/./x', '/']) {
    test(`the path ${path}`, async (t) => {
      assertFault(
        await keyFrom(t, `vault:${path}#key`),
        'does not name a Vault secret: write it as vault:MOUNT/PATH#FIELD',
      );
    });
  }

  test('an unreachable server', async (t) => {
    const gone = createServer().listen(0, '127.0.0.1');
    await once(gone, 'listening');
    const { port } = gone.address() as { port: number };
    gone.close();
    assertUnavailable(
      await keyFrom(t, 'vault:secret/gateway#key', { env: { VAULT_ADDR: `http://127.0.0.1:${port}` } }),
      'cannot be fetched from Vault: ECONNREFUSED',
    );
  });

  test('a server that does not respond: gives up after a limit', async (t) => {
    const result = await keyFrom(t, 'vault:secret/slow#key', {
      vault: { secrets: { 'secret/data/slow': () => undefined } },
      signal: AbortSignal.timeout(100),
    });
    assertUnavailable(result, 'cannot be fetched from Vault: it did not respond in time');
  });

  for (const [what, body, says] of [
    ['a page', '<html>hello</html>', 'its response is not a JSON object'],
    ['nothing', '', 'its response is not a JSON object'],
    ['a list', '[1]', 'its response is not a JSON object'],
    ['a secret of KV version 1', `{"data":{"key":"${mark}"}}`, 'its response contains no key-value (version 2) secret'],
    ['an incomplete response', `{"data":{"data":{"key":"${mark}"`, 'its response is not a JSON object'],
    ['too many bytes', `"${'x'.repeat(1024 * 1024)}"`, 'its response is too long'],
  ] as const) {
    test(`a server that responds with ${what}`, async (t) => {
      const result = await keyFrom(t, 'vault:secret/odd#key', {
        vault: { secrets: { 'secret/data/odd': (_, response) => response.end(body) } },
      });
      assertFault(result, `cannot be fetched from Vault: ${says}`);
    });
  }

  for (const [status, says] of [
    [503, 'it is sealed or in maintenance (503)'],
    [500, 'it responded with 500'],
  ] as const) {
    test(`a server that responds with ${status}`, async (t) => {
      const result = await keyFrom(t, 'vault:secret/odd#key', {
        vault: { secrets: { 'secret/data/odd': (_, response) => response.writeHead(status).end(mark) } },
      });
      assertUnavailable(result, `cannot be fetched from Vault: ${says}`);
    });
  }

  test('a server that redirects: the token is not sent on', async (t) => {
    const other = await startVault(t, { token, secrets: { 'secret/data/odd': { key: mark } } });
    const result = await keyFrom(t, 'vault:secret/odd#key', {
      vault: {
        secrets: {
          'secret/data/odd': (_, response) =>
            response.writeHead(307, { location: `${other.url}/v1/secret/data/odd` }).end(),
        },
      },
    });
    assertFault(result, 'cannot be fetched from Vault: unexpected redirect');
    assert.equal(other.asked.length, 0);
  });

  test('a server that closes the connection', async (t) => {
    const result = await keyFrom(t, 'vault:secret/odd#key', {
      vault: { secrets: { 'secret/data/odd': (request) => request.socket.destroy() } },
    });
    assertUnavailable(result, 'cannot be fetched from Vault: UND_ERR_SOCKET');
  });
});
