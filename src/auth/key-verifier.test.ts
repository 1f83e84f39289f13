import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { test } from 'node:test';
import { hashSync } from 'bcryptjs';
import type { KeyPolicy } from '../policy/policy.ts';
import { withKeyIdOf } from '../../test/helpers/wrong-keys.ts';
import { createApiKey, prefixCharacters } from './api-key.ts';
import { bcryptCompare } from './bcrypt/bcrypt.ts';
import { BcryptPool } from './bcrypt/bcrypt-pool.ts';
import { bcryptCost } from './bcrypt/bcrypt-hash.ts';
import { KeyDigests } from './key-digests.ts';
import { KeyRing } from './key-ring.ts';
import { KeyVerifier, type KeyVerdict } from './key-verifier.ts';

const idleTtlMs = 60_000;
// The lowest cost that bcrypt accepts: these tests count calls and measure no time.
const cost = 4;
const ourKey = createApiKey('live');
const ourHash = hashSync(ourKey, cost);
const foreignKey = 'made-elsewhere-0123456789';
const foreignHash = hashSync(foreignKey, cost);

function entry(id: string, bcrypt: string, prefix: string): KeyPolicy {
  return {
    ...{ id, secret: { kind: 'bcrypt', bcrypt, prefix }, scopes: [], allowedCidrs: [] },
    ...{ notBeforeMs: undefined, expiresAtMs: undefined },
  };
}

const ours = entry('ours', ourHash, ourKey.slice(0, prefixCharacters));
const foreign = entry('foreign', foreignHash, 'made-els');

type Compare = (key: string, bcrypt: string) => Promise<boolean>;

interface Bench {
  readonly verifier: KeyVerifier;
  readonly clock: { nowMs: number };
  /** The hashes that were passed to bcrypt. */
  readonly asked: string[];
  readonly ask: (key: string, ring: KeyRing) => Promise<KeyVerdict>;
}

function bench(compare: Compare = bcryptCompare, maxWaiting = 10, digests?: KeyDigests): Bench {
  const clock = { nowMs: 0 };
  const asked: string[] = [];
  const pool = new BcryptPool({ concurrency: 1, maxWaiting, compare });
  const verifier = new KeyVerifier({
    clock: { monotonicMs: () => clock.nowMs, wallMs: () => 0 },
    digests,
    hasher: {
      verify: (key, bcrypt, lane) => {
        asked.push(bcrypt);
        return pool.verify(key, bcrypt, lane);
      },
    },
  });
  const ask = async (key: string, ring: KeyRing): Promise<KeyVerdict> =>
    verifier.known(key, ring, idleTtlMs) ?? (await verifier.verify(key, ring, 'stranger'));
  return { verifier, clock, asked, ask };
}

const both = new KeyRing([ours, foreign]);

test('a key costs one bcrypt, and none after it has been verified', async () => {
  const { ask, asked } = bench();
  for (let i = 0; i < 3; i += 1) assert.deepEqual(await ask(ourKey, both), { kind: 'key', key: ours });
  assert.deepEqual(asked, [ourHash]);
});

test('an unknown id and a wrong secret run exactly one bcrypt of the same cost', async () => {
  const { ask, asked } = bench();
  const wrongSecret = createApiKey('live');
  const ring = new KeyRing([entry('a', ourHash, wrongSecret.slice(0, prefixCharacters))]);
  assert.equal((await ask(wrongSecret, ring)).kind, 'unknown');
  assert.equal((await ask(createApiKey('live'), ring)).kind, 'unknown');
  assert.equal(asked.length, 2);
  assert.deepEqual(asked.map(bcryptCost), [cost, cost]);
});

test('entries without a distinguishing prefix do not reveal unknown ids either', async () => {
  const wrongSecret = createApiKey('live');
  const known = entry('a', ourHash, wrongSecret.slice(0, prefixCharacters));
  for (const beside of [entry('any', foreignHash, ''), entry('theirs', foreignHash, 'sk_live_')]) {
    const { ask, asked } = bench();
    const ring = new KeyRing([known, beside]);
    assert.equal((await ask(wrongSecret, ring)).kind, 'unknown');
    assert.equal(asked.length, 2, beside.id);
    assert.equal((await ask(createApiKey('live'), ring)).kind, 'unknown');
    assert.equal(asked.length, 4, beside.id);
  }
});

test('the dummy hash is valid bcrypt, so comparing with it takes as long as with any other', async () => {
  const { ask, asked } = bench();
  await ask('whoever', both);
  const [nobodys = ''] = asked;
  assert.equal(bcryptCost(nobodys), cost);
  // The parser for new hashes accepts canonical salts only and returns a hash of the same length.
  assert.equal(hashSync('whoever', nobodys.slice(0, 29)).length, nobodys.length);
});

test('a mistyped key of our form costs no bcrypt, unless an imported key may have that form', async () => {
  const mistyped = `${ourKey.slice(0, -1)}${ourKey.endsWith('x') ? 'y' : 'x'}`;
  const { ask, asked } = bench();
  assert.equal((await ask(mistyped, both)).kind, 'unknown');
  assert.deepEqual(asked, []);
  const withoutPrefix = new KeyRing([ours, entry('any', hashSync(mistyped, cost), '')]);
  assert.equal((await ask(mistyped, withoutPrefix)).kind, 'key');
});

test('accepts imported hashes with every prefix that bcrypt knows', async () => {
  for (const version of ['$2a$', '$2b$', '$2y$']) {
    const bcrypt = version + foreignHash.slice(4);
    const ring = new KeyRing([entry('foreign', bcrypt, 'made-els')]);
    assert.equal((await bench().ask(foreignKey, ring)).kind, 'key');
  }
});

test('rejects a key of more than 72 bytes without running bcrypt', async () => {
  const { ask, asked } = bench();
  const ring = new KeyRing([entry('any', foreignHash, '')]);
  assert.equal((await ask('é'.repeat(37), ring)).kind, 'unknown');
  assert.deepEqual(asked, []);
});

test('rejects a revoked key on the next request; a reload that keeps the key costs no bcrypt', async () => {
  const { ask, asked } = bench();
  await ask(ourKey, both);
  const renamed = new KeyRing([{ ...ours, id: 'renamed' }]);
  assert.deepEqual(await ask(ourKey, renamed), { kind: 'key', key: { ...ours, id: 'renamed' } });
  assert.deepEqual(asked, [ourHash]);
  assert.equal((await ask(ourKey, new KeyRing([foreign]))).kind, 'unknown');
});

test('verifies a key again after it has been unused for the idle time', async () => {
  const { ask, asked, clock } = bench();
  await ask(ourKey, both);
  clock.nowMs += idleTtlMs;
  await ask(ourKey, both);
  assert.equal(asked.length, 1);
  clock.nowMs += idleTtlMs + 1;
  await ask(ourKey, both);
  assert.equal(asked.length, 2);
});

test('concurrent first requests with one key share one bcrypt', async () => {
  const { ask, asked } = bench();
  const responses = await Promise.all(Array.from({ length: 64 }, () => ask(ourKey, both)));
  assert.ok(responses.every(({ kind }) => kind === 'key'));
  assert.equal(asked.length, 1);
});

test('a verification started under one policy is not reused under the next, whether the key was revoked or added', async () => {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const { verifier, ask } = bench(async (key, bcrypt) => {
    await promise;
    return key === ourKey && bcrypt === ourHash;
  });
  const without = new KeyRing([foreign]);
  for (const [before, after] of [
    [both, without],
    [without, both],
  ] as const) {
    const [first, joined] = [ask(ourKey, before), ask(ourKey, before)];
    assert.ok(!verifier.isUnderWay(ourKey, after));
    const second = ask(ourKey, after);
    assert.ok(verifier.isUnderWay(ourKey, after));
    resolve(undefined);
    const kinds = [before, before, after].map((ring) => (ring === both ? 'key' : 'unknown'));
    assert.deepEqual(
      (await Promise.all([first, joined, second])).map(({ kind }) => kind),
      kinds,
    );
    assert.ok(!verifier.isUnderWay(ourKey, after));
  }
});

test('rejects a verification at once when too many wait for bcrypt', async () => {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const { ask } = bench(() => promise, 1);
  const first = [ask('one', both), ask('two', both)];
  assert.equal((await ask('three', both)).kind, 'overloaded');
  resolve(false);
  assert.deepEqual(
    (await Promise.all(first)).map(({ kind }) => kind),
    ['unknown', 'unknown'],
  );
});

test('matches a plaintext key by its digest, so wrong keys cost no bcrypt either', async () => {
  const { ask, asked } = bench();
  const plain: KeyPolicy = { ...ours, secret: { kind: 'digest', sha256: hash('sha256', ourKey) } };
  const ring = new KeyRing([plain]);
  assert.deepEqual(await ask(ourKey, ring), { kind: 'key', key: plain });
  assert.equal((await ask('whoever', ring)).kind, 'unknown');
  assert.deepEqual(asked, []);
});

test('tells our keys from foreign tokens by form or prefix, verified before or not', () => {
  for (const token of [ourKey, `${ourKey.slice(0, -6)}000000`, createApiKey('live'), foreignKey, 'made-elsewhere-2']) {
    assert.equal(both.isOurs(token), true, token);
  }
  for (const token of [
    `${createApiKey('live').slice(0, -1)}!`,
    'made-el',
    'eyJhbGciOiJIUzI1NiJ9.e30.c2ln',
    '',
    'Basic dTpw',
  ]) {
    assert.equal(both.isOurs(token), false, token);
  }
});

test('remembers a verified key of our form indefinitely, also in another process, but not a foreign one', async () => {
  const secret = Buffer.alloc(32, 7);
  const digests = new KeyDigests({ secret });
  const { ask, asked, clock } = bench(bcryptCompare, 10, digests);
  await ask(ourKey, both);
  await ask(foreignKey, both);
  assert.equal(digests.all.length, 1);
  asked.length = 0;
  clock.nowMs += 1_000 * idleTtlMs;
  assert.deepEqual(await ask(ourKey, both), { kind: 'key', key: ours });
  assert.deepEqual(asked, []);
  assert.deepEqual(await ask(foreignKey, both), { kind: 'key', key: foreign });
  assert.deepEqual(asked, [foreignHash]);

  const later = bench(bcryptCompare, 10, new KeyDigests({ secret, kept: digests.all }));
  assert.deepEqual(await later.ask(ourKey, both), { kind: 'key', key: ours });
  assert.deepEqual(later.asked, []);
  // The policy of the request decides what the key allows and whether its entry still exists.
  const renamed = { ...ours, id: 'renamed', scopes: ['read'] };
  assert.deepEqual(await later.ask(ourKey, new KeyRing([renamed])), { kind: 'key', key: renamed });
  assert.equal((await later.ask(ourKey, new KeyRing([foreign]))).kind, 'unknown');
});

test('a digest is bound to one key and one hash', async () => {
  const secret = Buffer.alloc(32, 7);
  const digests = new KeyDigests({ secret });
  digests.add(ourHash, ourKey);
  for (const [key, ring] of [
    [withKeyIdOf(ourKey), both],
    [ourKey, new KeyRing([entry('ours', hashSync(createApiKey('live'), cost), ourKey.slice(0, prefixCharacters))])],
  ] as const) {
    const { ask, asked } = bench(bcryptCompare, 10, digests);
    assert.equal((await ask(key, ring)).kind, 'unknown');
    assert.equal(asked.length, 1);
  }
  const other = bench(bcryptCompare, 10, new KeyDigests({ secret: Buffer.alloc(32, 8), kept: digests.all }));
  assert.equal((await other.ask(ourKey, both)).kind, 'key');
  assert.equal(other.asked.length, 1);
});

test('a failed thread does not decide about the key', async () => {
  const { ask } = bench(() => Promise.reject(new Error('gone')));
  assert.equal((await ask(ourKey, both)).kind, 'overloaded');
});

test('an empty key never matches, whatever the hashes', async () => {
  const { ask, asked } = bench();
  assert.equal((await ask('', new KeyRing([entry('empty', hashSync('', cost), '')]))).kind, 'unknown');
  assert.deepEqual(asked, []);
});
