// Tests the search for secrets in recorded output, on which other tests rely: what it finds, where,
// and what it permits.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { join } from 'node:path';
import process from 'node:process';
import { describe, test } from 'node:test';
import { createApiKey } from '../../src/auth/api-key.ts';
import { tempDirectory } from '../helpers/temp-directory.ts';
import { mistyped } from '../helpers/wrong-keys.ts';
import { findSecrets, secretIn } from './find-secrets.ts';
import { mark, markedHash, markedKey, markedSecret } from './marks.ts';
import { recorder, type RecordHead } from './recorded-output.ts';

const testKey = createApiKey('test');
const ours = createApiKey('live');
const identity = generateKeyPairSync('ed25519').privateKey.export({ format: 'der', type: 'pkcs8' });
const hash = markedHash('key');

describe('finds a secret in a line', () => {
  for (const [what, line, found] of [
    ['none', 'GET /peer/demo/ 200', undefined],
    ['a marked secret', `"reason":"AUTH user ${markedSecret('password')}"`, 'a marked secret'],
    ['a marked key without its beginning', markedKey('test').slice(24), 'a marked secret'],
    ['in capitals', mark.toUpperCase(), 'a marked secret'],
    ['in hex', Buffer.from(`x${mark}`).toString('hex'), 'a marked secret'],
    ...['', 'u', 'ab', 'abc'].map((before) => {
      const text = Buffer.from(`${before}${mark}:rest`).toString('base64');
      return [`in base64, after ${before.length} bytes`, text, 'a marked secret'] as const;
    }),
    ['any key of ours', `Bearer ${ours}.`, 'an API key'],
    ['the second of two that look like keys', `${mistyped(ours)} ${ours}`, 'an API key'],
    ['text that only looks like a key', `${mistyped(ours)} ${ours}x`, undefined],
    ['the beginning of a key', ours.slice(0, 24), undefined],
    ['any hash', `"$2y$12$${'a'.repeat(53)}"`, 'a hash of bcrypt'],
    ['PEM', '-----BEGIN PRIVATE KEY-----', 'a private key'],
    ['an identity', identity.toString('base64'), 'a private key'],
    ['a JWK', `{"kty":"OKP","d":"${'a'.repeat(43)}"}`, 'a private key'],
  ] as const) {
    test(what, () => {
      assert.equal(secretIn(line), found);
    });
  }
});

test('allows secrets that a command prints by contract, only in the place defined by the contract', async (t) => {
  const heads: readonly (readonly [what: 'meant' | 'found', head: Partial<RecordHead>, line: string])[] = [
    ['meant', { args: ['keys', 'create', 'bot', '--out', '-'] }, ours],
    ['found', { args: ['keys', 'create', 'bot', '--out', '-'], stream: 'stderr' }, ours],
    ['found', { args: ['keys', 'create', 'bot', '--out', '-'] }, `made ${ours}`],
    ['meant', { args: ['keys', 'rotate', 'bot'] }, ours],
    [
      'meant',
      { args: ['keys', 'rotate', 'bot', '--json'] },
      JSON.stringify({ id: 'bot', scopes: ['read'], key: ours }),
    ],
    ['found', { args: ['keys', 'rotate', 'bot', '--json'] }, JSON.stringify({ id: ours, key: ours })],
    ['found', { args: ['keys', 'rotate', 'bot'] }, JSON.stringify({ id: 'bot', key: ours })],
    ['found', { args: ['keys', 'list'] }, ours],
    ['meant', { args: ['init', '--yes', '--json'] }, JSON.stringify({ file: 'gateway.yaml', key: ours })],
    ['meant', { args: ['keys', 'hash', '--id', 'bot'] }, `  key_hash: ${hash}`],
    ['meant', { args: ['keys', 'hash', '--id', 'bot', '--json'] }, JSON.stringify({ id: 'bot', key_hash: hash })],
    ['found', { args: ['keys', 'hash', '--id', 'bot'] }, `fault: ${hash}`],
    ['meant', { args: ['dev'] }, `key   ${ours.replace('live', 'test')}`],
    ['found', { args: ['dev'] }, `gateway  ${ours}`],
    ['meant', { args: ['init', 'gateway.yaml', '--yes', '--key-file', '-'] }, ours],
    ['found', { args: ['init', 'gateway.yaml', '--yes'], stream: 'stderr' }, ours],
    ['meant', { args: ['dev', '3000', '--json'] }, `{"url":"u","path_url":"p","key":"${testKey}","mcp":null}`],
    ['found', { args: ['dev', '3000'] }, `{"url":"u","path_url":"p","key":"${testKey}","mcp":null}`],
    [
      'meant',
      { args: ['dev', '3000'] },
      `mcp   claude mcp add --transport http a u --header 'Authorization: Bearer ${testKey}'`,
    ],
    ['found', { args: ['start'] }, `key   ${ours}`],
  ];
  for (const [what, head, line] of heads) {
    const directory = await tempDirectory(t);
    // The checksum of a key covers its kind, so the test needs a valid key of this kind.
    const shown = line.startsWith('key   sk_test') ? `key   ${createApiKey('test')}` : line;
    recorder(head, directory)(`nothing\n${shown}\n`);
    assert.equal((await findSecrets(directory)).length, what === 'meant' ? 0 : 1, `${what}: ${JSON.stringify(head)}`);
  }
});

test('a test run that writes secrets fails and names the places without showing them', async (t) => {
  const runner = join(import.meta.dirname, '../../tools/test.ts');
  const { NODE_TEST_CONTEXT, ...env } = process.env;
  assert.equal(typeof NODE_TEST_CONTEXT, 'string');
  env['TMPDIR'] = await tempDirectory(t);
  const { code, output } = await new Promise<{ code: unknown; output: string }>((resolve) => {
    execFile(process.execPath, [runner, 'test/secrecy/leaking.ts'], { env }, (error, stdout) => {
      resolve({ code: error?.code ?? 0, output: stdout });
    });
  });
  const faults = output.split('\n').filter((line) => line.startsWith('FAULT'));
  assert.equal(code, 1, output);
  assert.match(output, /\n2 passed, 0 failed\n$/);
  assert.equal(faults.length, 2, output);
  assert.ok(faults.some((line) => /leaking\.ts: a marked secret in stderr \(.*:2\)$/.test(line)));
  assert.ok(faults.some((line) => /leaking\.ts: a marked secret in stderr of "validate" \(.*:2\)$/.test(line)));
  assert.ok(faults.every((line) => !line.includes(mark)));
});
