// Valid keys that were not used for a while, beside floods of wrong keys: from their own address,
// from the networks around it, and from everywhere. Counts bcrypt runs rather than time, and bounds
// the wait by the cost of one bcrypt on this machine.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { mock, test, type TestContext } from 'node:test';
import { hashSync } from 'bcryptjs';
import { createApiKey, prefixCharacters } from '../../src/auth/api-key.ts';
import { BcryptThreads } from '../../src/auth/bcrypt/bcrypt-threads.ts';
import type { KeyDigests } from '../../src/auth/key-digests.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { openKeyDigests } from '../../src/keys/key-digests-file.ts';
import type { KeyPolicy } from '../../src/policy/policy.ts';
import { startPlainGateway, type PlainGateway } from '../helpers/plain-gateway.ts';
import { testKey, testPolicy } from '../helpers/policy.ts';
import { tempDirectory } from '../helpers/temp-directory.ts';
import { withKeyIdOf } from '../helpers/wrong-keys.ts';

/** Slow enough that a queue builds up, fast enough for a test. */
const cost = 8;
const ttlMs = 60_000;
const ours = createApiKey('live');
const foreign = 'made-elsewhere-0123456789';
const keys: KeyPolicy[] = [
  entry('ours', ours, prefixCharacters),
  entry('foreign', foreign, 8),
  entry('other', 'other-elsewhere-0123456789', 8),
];

function entry(id: string, key: string, prefixLength: number): KeyPolicy {
  return testKey({ id, secret: { kind: 'bcrypt', bcrypt: hashSync(key, cost), prefix: key.slice(0, prefixLength) } });
}

interface Bench extends PlainGateway {
  /** Keys that were verified with bcrypt, in order. */
  readonly asked: () => readonly string[];
  readonly statusOf: (key: string, from: string) => Promise<number>;
  /** Advances the clock until every key has expired from the cache. */
  readonly rest: () => void;
}

async function start(t: TestContext, keyDigests?: KeyDigests): Promise<Bench> {
  const counted = mock.method(BcryptThreads.prototype, 'compare');
  t.after(() => {
    counted.mock.restore();
  });
  let laterMs = 0;
  const gateway = await startPlainGateway(t, (_, response) => response.end(), {
    policy: { auth: { keys, cacheTtlMs: ttlMs }, trustedProxies: ['127.0.0.1'], limits: { maxConnectionsPerIp: 0 } },
    ...(keyDigests !== undefined && { keyDigests }),
    clock: { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + laterMs },
  });
  return {
    ...gateway,
    asked: () => counted.mock.calls.map(({ arguments: [key] }) => key),
    statusOf: async (key, from) => {
      const headers = ['Authorization', `Bearer ${key}`, 'X-Forwarded-For', from];
      return (await gateway.call('/peer/app/', { headers })).status;
    },
    rest: () => (laterMs += ttlMs + 1),
  };
}

/**
 * Wrong keys: half with a new key id each and half with the key id of `ours`, or all with one
 * prefix.
 */
const wrongKey = (i: number): string => (i % 2 === 0 ? createApiKey('live') : withKeyIdOf(ours));
const wrongForeign = (i: number): string => `made-elsewhere-wrong-${i}`;

const victim = '2001:db8:1:2345::9';
const floods: Readonly<Record<string, (i: number) => string>> = {
  'its own address': () => victim,
  'its own /56': (i) => `2001:db8:1:23${(i % 256).toString(16).padStart(2, '0')}::${i}`,
  'its own /48': (i) => `2001:db8:1:${((i * 257) % 65_536).toString(16)}::1`,
  'a thousand networks': (i) => `2001:db8:${((i % 60_000) + 16).toString(16)}::1`,
};

/** Fills the queue and keeps it full until it is stopped. */
function flood(
  { statusOf }: Bench,
  from: (i: number) => string,
  wrong: (i: number) => string,
): { stop: () => Promise<number[]> } {
  let running = true;
  let i = 0;
  const statuses: number[] = [];
  const attack = async (): Promise<void> => {
    while (running) {
      i += 1;
      statuses.push(await statusOf(wrong(i), from(i)));
    }
  };
  const attackers = Array.from({ length: 60 }, attack);
  return {
    stop: async () => {
      running = false;
      await Promise.all(attackers);
      return statuses;
    },
  };
}

/** Calls until attackers are rejected: the queue or the throttle is full. */
async function untilRefused(bench: Bench, from: (i: number) => string, wrong: (i: number) => string): Promise<void> {
  for (let i = 0; ; i += 1) {
    const status = await bench.statusOf(wrong(10_000 + i), from(10_000 + i));
    if (status === 429 || status === 503) return;
  }
}

for (const [where, from] of Object.entries(floods)) {
  test(`an idle key of our form needs no bcrypt while wrong keys come from ${where}`, async (t) => {
    const bench = await start(t);
    assert.equal(await bench.statusOf(ours, victim), 200);
    bench.rest();
    const attack = flood(bench, from, wrongKey);
    await untilRefused(bench, from, wrongKey);
    const statuses = [];
    for (let i = 0; i < 10; i += 1) {
      bench.rest();
      statuses.push(await bench.statusOf(ours, victim));
    }
    const refused = await attack.stop();
    assert.deepEqual([...new Set(statuses)], [200]);
    assert.equal(bench.asked().filter((key) => key === ours).length, 1);
    assert.ok(!refused.includes(200));
  });

  test(`an idle imported key is verified in the reserved half while wrong keys come from ${where}`, async (t) => {
    const bench = await start(t);
    assert.equal(await bench.statusOf(foreign, victim), 200);
    bench.rest();
    const attack = flood(bench, from, wrongForeign);
    await untilRefused(bench, from, wrongForeign);
    for (let i = 0; i < 5; i += 1) {
      bench.rest();
      const before = bench.asked().length;
      assert.equal(await bench.statusOf(foreign, victim), 200);
      const began = bench.asked().indexOf(foreign, before);
      // One that is running, one of the other half, and those that finish while the request and its
      // response travel.
      assert.ok(began !== -1 && began - before <= 8, `${began - before} bcrypts before its own`);
    }
    assert.ok(!(await attack.stop()).includes(200));
  });
}

test('a key that replaced one with the same prefix is verified from its addresses, even if its id is throttled', async (t) => {
  const bench = await start(t);
  assert.equal(await bench.statusOf(foreign, victim), 200);
  // From many networks, so that the key id is throttled but no address is.
  for (let i = 0; i < 20; i += 1) await bench.statusOf(wrongForeign(i), `2001:db8:${(i + 16).toString(16)}::1`);
  assert.equal(await bench.statusOf(wrongForeign(99), '2001:db8:99::1'), 429);
  assert.equal(await bench.statusOf(wrongForeign(100), victim), 401);
  for (let i = 0; i < 20; i += 1) await bench.statusOf(wrongForeign(200 + i), victim);
  // Guesses from that address are limited separately and do not delay the valid key.
  assert.equal(await bench.statusOf(wrongForeign(300), victim), 429);
  bench.rest();
  assert.equal(await bench.statusOf(foreign, victim), 200);
});

test('a full queue forgives no failure: 503 counts as a failure of the address', async (t) => {
  const bench = await start(t);
  const from = (i: number): string => `10.${i}.0.1`;
  const statuses = await Promise.all(
    Array.from({ length: 60 }, (_, i) => bench.statusOf(createApiKey('live'), from(i))),
  );
  const shutOut = statuses.indexOf(503);
  assert.notEqual(shutOut, -1);
  const again: number[] = [];
  for (let i = 0; i < 10; i += 1) again.push(await bench.statusOf(createApiKey('live'), from(shutOut)));
  assert.equal(again.filter((status) => status !== 429).length, 9);
});

test('after a restart a key of our form needs no bcrypt, and the configuration defines its permissions', async (t) => {
  const path = join(await tempDirectory(t), 'key-digests');
  const warn = (message: string): void => {
    throw new Error(message);
  };
  const before = await openKeyDigests(path, warn);
  const first = await start(t, before.digests);
  assert.equal(await first.statusOf(ours, victim), 200);
  assert.equal(first.asked().length, 1);
  await before.close();

  const second = await start(t, (await openKeyDigests(path, warn)).digests);
  const attack = flood(second, floods['its own /56'] ?? String, wrongKey);
  await untilRefused(second, floods['its own /56'] ?? String, wrongKey);
  assert.equal(await second.statusOf(ours, victim), 200);
  await attack.stop();
  assert.ok(!second.asked().includes(ours));

  const third = await start(t, (await openKeyDigests(path, warn)).digests);
  const [entryOfOurs = testKey()] = keys;
  for (const [changed, status] of [
    [[{ ...entryOfOurs, expiresAtMs: 1 }], 401],
    [[{ ...entryOfOurs, scopes: ['write'] }], 403],
    [keys.slice(1), 401],
  ] as const) {
    await third.gateway.apply(testPolicy({ auth: { keys: changed }, trustedProxies: ['127.0.0.1'] }));
    assert.equal(await third.statusOf(ours, victim), status);
  }
  // bcrypt runs only for the policy without the entry.
  assert.equal(third.asked().filter((key) => key === ours).length, 1);
});
