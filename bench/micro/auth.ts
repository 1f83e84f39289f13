// Checks that response times reveal nothing about a key (docs/security.md): an unknown key id and a
// wrong secret must take equally long. Keys rejected without bcrypt and keys verified earlier are
// shown for comparison. The two alternate, so that a busy machine affects both alike.
// Run: node bench/micro/auth.ts [rounds]
import process from 'node:process';
import { hashSync } from 'bcryptjs';
import { checkOf, createApiKey, prefixCharacters } from '../../src/auth/api-key.ts';
import { BcryptPool } from '../../src/auth/bcrypt/bcrypt-pool.ts';
import { BcryptThreads } from '../../src/auth/bcrypt/bcrypt-threads.ts';
import { KeyRing } from '../../src/auth/key-ring.ts';
import { KeyVerifier } from '../../src/auth/key-verifier.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import type { KeyPolicy } from '../../src/policy/policy.ts';

const rounds = Number(process.argv[2] ?? 60);
const maxPercent = 2;
const idleTtlMs = 60_000;
const cost = 12;

const good = createApiKey('live');
const entry: KeyPolicy = {
  ...{ id: 'bench', scopes: [], allowedCidrs: [], notBeforeMs: undefined, expiresAtMs: undefined },
  secret: { kind: 'bcrypt', bcrypt: hashSync(good, cost), prefix: good.slice(0, prefixCharacters) },
};
const ring = new KeyRing([entry]);
const threads = new BcryptThreads();
const pool = new BcryptPool({
  concurrency: 1,
  maxWaiting: 1,
  compare: (key, hash) => threads.compare(key, hash),
});
const verifier = new KeyVerifier({ hasher: pool, clock: systemClock });

/** The valid key's id with another secret and a matching checksum. */
function wrongSecret(): string {
  const body = good.slice(0, prefixCharacters) + createApiKey('live').slice(prefixCharacters, -6);
  return body + checkOf(body);
}

async function milliseconds(key: string): Promise<number> {
  const start = performance.now();
  if (verifier.known(key, ring, idleTtlMs) === undefined) await verifier.verify(key, ring, 'stranger');
  return performance.now() - start;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

const times = { 'unknown key id': [] as number[], 'wrong secret': [] as number[] };
await milliseconds(good);
for (let round = 0; round < rounds; round += 1) {
  // The first of a pair may find warmer or colder caches, so the order alternates.
  const pair = [
    ['unknown key id', createApiKey('live')],
    ['wrong secret', wrongSecret()],
  ] as const;
  for (const [what, key] of round % 2 === 0 ? pair : [...pair].reverse()) times[what].push(await milliseconds(key));
}
const mistyped = `${good.slice(0, -6)}000000`;
const verified: number[] = [];
const refused: number[] = [];
for (let round = 0; round < 10_000; round += 1) {
  verified.push(await milliseconds(good));
  refused.push(await milliseconds(mistyped));
}

for (const [what, values] of Object.entries(times)) console.log(`${what.padEnd(20)} ${median(values).toFixed(2)} ms`);
console.log(`${'mistyped'.padEnd(20)} ${(median(refused) * 1000).toFixed(1)} us`);
console.log(`${'verified before'.padEnd(20)} ${(median(verified) * 1000).toFixed(1)} us`);
const [a, b] = [median(times['unknown key id']), median(times['wrong secret'])];
const percent = (100 * Math.abs(a - b)) / Math.min(a, b);
console.log(`unknown key id and wrong secret differ by ${percent.toFixed(2)} % (under ${maxPercent} %)`);
process.exitCode = percent < maxPercent ? 0 : 1;
