// Measures each check between client and app alone, and the cost of an assertion: best of several
// rounds, microseconds of CPU per request. The key is already verified, as it is for nearly every
// request.
// Run: node bench/micro/guards.ts
import { hashSync } from 'bcryptjs';
import { createApiKey, prefixCharacters } from '../../src/auth/api-key.ts';
import { AssertionSigner } from '../../src/auth/assertion-signer.ts';
import { Authenticator } from '../../src/auth/authenticator.ts';
import { bcryptCompare } from '../../src/auth/bcrypt/bcrypt.ts';
import { BcryptPool } from '../../src/auth/bcrypt/bcrypt-pool.ts';
import { AuthThrottle } from '../../src/auth/auth-throttle.ts';
import { KeyVerifier } from '../../src/auth/key-verifier.ts';
import { ThrottledVerifier } from '../../src/auth/throttled-verifier.ts';
import { createSigningKey } from '../../src/auth/signing-keys.ts';
import { LocalLimiter } from '../../src/limits/local-limiter.ts';
import { MemoryLimiter } from '../../src/limits/memory-limiter.ts';
import { QuotaLedger } from '../../src/limits/quotas/quota-ledger.ts';
import { systemClock as clock } from '../../src/kernel/clock.ts';
import { LeaseLookup } from '../../src/pipeline/lease/lease-lookup.ts';
import type { Dispatch, Exchange, Stage } from '../../src/pipeline/stage.ts';
import type { Lease, Transport } from '../../src/upstream/transport.ts';
import { ipRatePrecheck } from '../../src/pipeline/stages/ip-rate-precheck.ts';
import { authenticate } from '../../src/pipeline/stages/authenticate.ts';
import { authorise } from '../../src/pipeline/stages/authorise.ts';
import { limits } from '../../src/pipeline/stages/limits.ts';
import { LeaseDirectory } from '../../src/route/lease-directory.ts';
import { testKey, testPolicy } from '../../test/helpers/policy.ts';
import { microseconds, nowhere, row } from './cost.ts';

const key = createApiKey('live');
const secret = { kind: 'bcrypt', bcrypt: hashSync(key, 10), prefix: key.slice(0, prefixCharacters) } as const;
const rate = { requestsPerSecond: 1e6, burst: 1e6 };
const policy = testPolicy({
  auth: { keys: [testKey({ id: 'bench', secret })] },
  acl: { bench: ['bench'], '*': ['other'] },
  rateLimit: { global: rate, perKey: { default: rate, overrides: {} }, perLease: { '*': rate }, perIp: rate },
});
const lease = { id: 'A'.repeat(26), name: 'bench', alpn: ['http/1.1'], metadata: '', expiresAtMs: Infinity };
const principal = { id: 'bench', kind: 'key', scopes: ['read', 'write'] } as const;
const headers = ['Host', 'x', 'User-Agent', 'wrk', 'Accept', '*/*', 'Authorization', `Bearer ${key}`];

const names: readonly string[] = ['bench'];
/** The part of an exchange that the stages read and write. */
const exchange = {
  req: { method: 'GET', target: '/peer/bench/items', headers, upgrade: false },
  policy,
  clientIp: '203.0.113.7',
  ...{ strippedHeaders: [] as string[], appHeaders: [] as string[], responseHeaders: [] as string[] },
  route: { kind: 'path', lease: 'bench', prefix: '/peer/bench', target: '/items' },
  principal,
  destination: {
    lease,
    names,
    claims: names,
    transports: [],
    host: 'bench',
    settings: undefined,
    timeouts: policy.timeouts,
    waited: false,
  },
  cancellation: { cancelled: false },
} as unknown as Exchange;

const ledger = new QuotaLedger({ clock });
const limiter = new LocalLimiter(new MemoryLimiter({ clock }), ledger);
const verifier = new KeyVerifier({
  hasher: new BcryptPool({ concurrency: 1, maxWaiting: 1, compare: bcryptCompare }),
  clock,
});
const throttled = new ThrottledVerifier({ verifier, throttle: new AuthThrottle(clock) });
const authenticator = new Authenticator({ verifier: throttled, clock });
const stages: Readonly<Record<string, Stage>> = {
  'address gate': ipRatePrecheck(limiter),
  authenticate: authenticate(authenticator, { known: () => undefined }),
  authorise: authorise(new LeaseLookup(new LeaseDirectory<Lease, Transport>([], { clock, ttlMs: () => 0 }))),
  limits: limits(limiter, ledger, clock),
};

function through(dispatch: Dispatch): () => void {
  return () => {
    for (const list of [exchange.strippedHeaders, exchange.appHeaders, exchange.responseHeaders]) list.length = 0;
    dispatch(exchange, nowhere);
  };
}

// Verifies the key once.
await new Promise<void>((resolve) => {
  stages['authenticate']?.(() => {
    resolve();
  })(exchange, nowhere);
});
for (const [name, stage] of Object.entries(stages)) row(name, microseconds(through(stage(() => undefined))));
const all = Object.values(stages).reduceRight<Dispatch>(
  (next, stage) => stage(next),
  () => undefined,
);
row('all of them', microseconds(through(all)));

const keys = [createSigningKey(clock.wallMs())];
const signer = new AssertionSigner({ keys: () => keys, clock });
const about = { issuer: 'https://gateway.example.com', leaseId: lease.id, principal };
row(
  'assertion, bind: none',
  microseconds(() => signer.forLease(about)),
);
row(
  'assertion, bind: request',
  microseconds(() => signer.forRequest(about, { method: 'GET', target: '/items' })),
);
