// How long applying a new policy blocks the event loop, for each part of a policy that may be
// large.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Assembly, piecesOf } from '../../src/kernel/work/pieces.ts';
import type { KeyPolicy, Policy } from '../../src/policy/policy.ts';
import { certificate, otherCertificate, tlsSettings } from '../helpers/certificates.ts';
import { startPlainGateway, type PlainGateway } from '../helpers/plain-gateway.ts';
import { testKey, testLease, testPolicy } from '../helpers/policy.ts';
import { startSecureGateway } from '../helpers/secure-gateway.ts';
import { assertShortTurns, turnCpuOf } from '../helpers/turn-cpu.ts';

const rate = { requestsPerSecond: 1e9, burst: 1e9 };

/** A record with `count` entries. */
function records<T>(count: number, nameOf: (i: number) => string, valueOf: (i: number) => T): Record<string, T> {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [nameOf(i), valueOf(i)]));
}

function hashedKey(i: number): KeyPolicy {
  const number = String(i).padStart(10, '0');
  const secret = { kind: 'bcrypt', bcrypt: `$2b$10$${number.padEnd(53, 'h')}`, prefix: `sk_live_${number}` } as const;
  return testKey({ id: `key-${i}`, secret, allowedCidrs: i % 4 === 0 ? [`10.0.${i % 256}.0/24`] : [] });
}

const network = (i: number): string => `10.${i >> 8}.${i & 255}.0/24`;
const prefixed = (i: number): string => `lease-${i}-*`;
const ownKeys = testPolicy().auth;

const policies: readonly [what: string, parts: Parameters<typeof testPolicy>[0]][] = [
  [
    '20,000 keys',
    { auth: { ...ownKeys, keys: [testKey(), ...Array.from({ length: 20_000 }, (_, i) => hashedKey(i))] } },
  ],
  [
    '5,000 patterns with rules and settings',
    {
      acl: { ...records(5_000, prefixed, (i) => ['test', `scope:s${i}`]), '*': ['*'] },
      leases: records(5_000, prefixed, (i) =>
        testLease({ hostHeader: `h${i}.test`, ipRules: { allow: [], deny: [network(i)] } }),
      ),
    },
  ],
  [
    '60,000 lease rules',
    {
      acl: {
        ...records(
          60_000,
          (i) => `name-${i}`,
          () => ['test'],
        ),
        app: ['test'],
      },
    },
  ],
  [
    '60,000 limits and 20,000 quotas',
    {
      rateLimit: { perLease: records(60_000, prefixed, () => rate) },
      quotas: {
        daily: records(
          20_000,
          (i) => `key-${i}`,
          () => ({ requests: 1e9 }),
        ),
        monthly: {},
      },
    },
  ],
  [
    '15,000 costs and timeouts',
    {
      rateLimit: {
        costs: Array.from({ length: 15_000 }, (_, i) => ({ lease: prefixed(i), path: `/p${i}*`, method: '', cost: 2 })),
      },
      timeouts: {
        overrides: Array.from({ length: 15_000 }, (_, i) => ({ lease: prefixed(i), path: `/p${i}*`, dialMs: 1_000 })),
      },
    },
  ],
  [
    '20,000 pins, all of one lease',
    {
      leasePins: records(
        20_000,
        (i) => `pinned-${i}`,
        () => 'Q'.repeat(26),
      ),
    },
  ],
  ['60,000 hosts', { allowedHosts: ['127.0.0.1', ...Array.from({ length: 60_000 }, (_, i) => `*.h${i}.test`)] }],
  [
    '10,000 networks in each list',
    {
      ipRules: { allow: [], deny: Array.from({ length: 10_000 }, (_, i) => network(i)) },
      trustedProxies: Array.from({ length: 10_000 }, (_, i) => network(i)),
    },
  ],
];

/** The policy as it arrives from the thread that loads it. */
function received(policy: Policy): Policy {
  const assembly = new Assembly();
  for (const piece of piecesOf(policy)) assembly.add(piece);
  return assembly.value as Policy;
}

async function measured(gateway: PlainGateway, policy: Policy): Promise<number> {
  let over = false;
  const calling = Array.from({ length: 2 }, async () => {
    while (!over) assert.equal((await gateway.call('/peer/app/')).status, 200);
  });
  const { maxMs } = await turnCpuOf(async () => {
    await gateway.gateway.apply(policy);
    for (let i = 0; i < 5; i += 1) assert.equal((await gateway.call('/peer/app/')).status, 200);
  });
  over = true;
  await Promise.all(calling);
  return maxMs;
}

for (const [what, parts] of policies) {
  test(`applies a policy of ${what}`, async (t) => {
    const gateway = await startPlainGateway(t, (_, response) => response.end('ok'));
    // Warms the code up, so that compilation is not measured.
    for (let i = 0; i < 100; i += 1) await gateway.call('/peer/app/');
    await assertShortTurns(t, 'the policy', () => measured(gateway, received(testPolicy(parts))));
  });
}

test('applies 300 certificates', async (t) => {
  const tls = tlsSettings({ certificates: [certificate, ...Array.from({ length: 299 }, () => otherCertificate)] });
  const gateway = await startSecureGateway(t, (_, response) => response.end('ok'));
  await assertShortTurns(t, 'the certificates', async () => {
    return (await turnCpuOf(() => gateway.gateway.apply(testPolicy(), tls))).maxMs;
  });
  assert.equal((await gateway.dial()).authorized, true);
});
