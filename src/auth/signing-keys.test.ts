import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  createSigningKey,
  currentKey,
  publishedKeys,
  rotated,
  signingKeyFromPem,
  type SigningKey,
} from './signing-keys.ts';

const day = 24 * 3_600_000;
const start = Date.UTC(2030, 0, 1);

test('the first rotation creates a key, and the next one keeps it', () => {
  const keys = rotated([], start);
  assert.equal(keys.length, 1);
  assert.equal(currentKey(keys, start), keys[0]);
  assert.deepEqual(rotated(keys, start + 28 * day), keys);
});

test('publishes a key for one day before it signs and one day after', () => {
  let keys: readonly SigningKey[] = [];
  const signedBy: { kid: string; day: number }[] = [];
  const publishedOn = new Map<number, string[]>();
  for (let i = 0; i < 100; i += 0.5) {
    keys = rotated(keys, start + i * day);
    signedBy.push({ kid: currentKey(keys, start + i * day)?.kid ?? '', day: i });
    publishedOn.set(
      i,
      publishedKeys(keys).keys.map(({ kid }) => kid),
    );
    assert.ok(keys.length <= 3);
  }
  assert.equal(new Set(signedBy.map(({ kid }) => kid)).size, 4);
  for (const { kid, day: i } of signedBy) {
    for (const other of [i - 0.5, i, i + 0.5]) {
      const published = publishedOn.get(other);
      assert.ok(i === 0 || published === undefined || published.includes(kid), `${kid} of day ${i} on day ${other}`);
    }
  }
});

test('after a long downtime the old key signs until the new one has been published for a day', () => {
  const before = rotated([], start);
  const after = rotated(before, start + 365 * day);
  assert.equal(currentKey(after, start + 365 * day)?.kid, before[0]?.kid);
  assert.equal(after[1]?.fromMs, start + 366 * day);
});

test('rejects a key of another type and publishes nothing private', () => {
  const key = createSigningKey(start);
  const pem = key.privateKey.export({ format: 'pem', type: 'pkcs8' });
  assert.equal(signingKeyFromPem(pem, start).kid, key.kid);
  assert.throws(() => signingKeyFromPem('nothing', start));
  assert.deepEqual(Object.keys(publishedKeys([key]).keys[0] ?? {}), ['kty', 'crv', 'x', 'kid', 'alg', 'use']);
});

test('computes the thumbprint of RFC 8037, Appendix A.3', () => {
  const d = 'nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A';
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.from(d, 'base64url')]);
  const pem = `-----BEGIN PRIVATE KEY-----\n${der.toString('base64')}\n-----END PRIVATE KEY-----\n`;
  assert.equal(signingKeyFromPem(pem, start).kid, 'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k');
});
