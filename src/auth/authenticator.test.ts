import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { test } from 'node:test';
import { hashSync } from 'bcryptjs';
import { key, testKey, testPolicy } from '../../test/helpers/policy.ts';
import type { KeyPolicy } from '../policy/policy.ts';
import { createApiKey, prefixCharacters } from './api-key.ts';
import { AuthThrottle } from './auth-throttle.ts';
import { basicOff } from './basic-use.ts';
import { Authenticator, type AuthDecision, type AuthRequest } from './authenticator.ts';
import { bcryptCompare } from './bcrypt/bcrypt.ts';
import { BcryptPool } from './bcrypt/bcrypt-pool.ts';
import { KeyVerifier } from './key-verifier.ts';
import { ThrottledVerifier } from './throttled-verifier.ts';

const nowMs = 1_000_000;
const clock = { monotonicMs: () => 0, wallMs: () => nowMs };

interface Setup {
  readonly decide: (request?: Partial<AuthRequest>) => AuthDecision | Promise<AuthDecision>;
  /** The ids of the accepted keys, in order. */
  readonly used: string[];
}

function setup(
  keys: readonly KeyPolicy[] = [testKey()],
  acl: Record<string, readonly string[]> = { '*': ['*'] },
): Setup {
  const hasher = new BcryptPool({ concurrency: 1, maxWaiting: 10, compare: bcryptCompare });
  const verifier = new ThrottledVerifier({
    verifier: new KeyVerifier({ hasher, clock }),
    throttle: new AuthThrottle(clock),
  });
  const used: string[] = [];
  const authenticator = new Authenticator({ verifier, clock, used: (id) => used.push(id) });
  const policy = testPolicy({ auth: { keys }, acl });
  const usual: AuthRequest = {
    ...{ headers: ['X-API-Key', key], upgrade: false, policy, clientIp: '192.0.2.1', place: 'gateway' },
    ...{ isOpen: () => false, basic: basicOff, cancellation: { cancelled: false } },
  };
  return { decide: (request) => authenticator.decide({ ...usual, ...request }), used };
}

/** The kind, with the credential type and the error code of a rejection. */
async function outcomeOf(decision: AuthDecision | Promise<AuthDecision>): Promise<string> {
  const settled = await decision;
  return settled.kind === 'rejected' ? `${settled.method} ${settled.error.code}` : settled.kind;
}

test('the headers decide which credential counts, and with which error they are rejected', async () => {
  const open = { '*': ['*', 'anonymous'] };
  const offered = `portal-gateway.bearer.${key}`;
  const cases: [headers: readonly string[], outcome: string, more?: Partial<AuthRequest>][] = [
    [['X-API-Key', key], 'key'],
    [['Authorization', `Bearer ${key}`], 'key'],
    [['X-Gateway-Key', key], 'key', { place: 'app' }],
    [['Sec-WebSocket-Protocol', offered], 'key', { upgrade: true }],
    [['Sec-WebSocket-Protocol', offered], 'none missing_credentials'],
    [[], 'none missing_credentials'],
    [['X-API-Key', key], 'none missing_credentials', { place: 'app' }],
    [['Authorization', 'Basic eDp5'], 'other invalid_credentials'],
    [['X-API-Key', key, 'X-API-Key', key], 'other invalid_request'],
    [['X-API-Key', key, 'Authorization', `Bearer ${key}`], 'api_key invalid_request'],
    [['X-API-Key', `${key}x`], 'api_key invalid_credentials'],
  ];
  for (const [headers, outcome, more] of cases) {
    assert.equal(await outcomeOf(setup().decide({ headers, ...more })), outcome, JSON.stringify(headers));
  }
  assert.equal(await outcomeOf(setup([testKey()], open).decide({ headers: [] })), 'anonymous');
  const policy = testPolicy({ auth: { enabled: false } });
  assert.equal(await outcomeOf(setup().decide({ policy, headers: ['Authorization', 'Basic eDp5'] })), 'off');
});

test('a right key is rejected outside its time and its addresses, and does not count as used', async () => {
  const cases: [more: Partial<KeyPolicy>, outcome: string][] = [
    [{ expiresAtMs: nowMs }, 'api_key expired_credentials'],
    [{ expiresAtMs: nowMs + 1, notBeforeMs: nowMs }, 'key'],
    [{ notBeforeMs: nowMs + 1 }, 'api_key invalid_credentials'],
    [{ allowedCidrs: ['198.51.100.0/24'] }, 'api_key ip_denied'],
    [{ allowedCidrs: ['192.0.2.0/24'] }, 'key'],
  ];
  for (const [more, outcome] of cases) {
    const { decide, used } = setup([testKey(more)]);
    assert.equal(await outcomeOf(decide()), outcome, JSON.stringify(more));
    assert.deepEqual(used, outcome === 'key' ? ['test'] : []);
  }
});

test('a key that was verified before is accepted synchronously, by the same principal', async () => {
  const ours = createApiKey('live');
  const secret = { kind: 'bcrypt', bcrypt: hashSync(ours, 4), prefix: ours.slice(0, prefixCharacters) } as const;
  const { decide } = setup([testKey({ secret })]);
  const headers = ['X-API-Key', ours];
  const first = decide({ headers });
  assert.ok(first instanceof Promise);
  const accepted = await first;
  const again = decide({ headers });
  assert.ok(accepted.kind === 'key' && !(again instanceof Promise) && again.kind === 'key');
  assert.equal(again.principal, accepted.principal);
});

test('a client that leaves during the verification is neither accepted nor rejected', async () => {
  const ours = createApiKey('live');
  const secret = { kind: 'bcrypt', bcrypt: hashSync(ours, 4), prefix: ours.slice(0, prefixCharacters) } as const;
  const { decide, used } = setup([testKey({ secret })]);
  const cancellation = { cancelled: false };
  const decision = decide({ headers: ['X-API-Key', ours], cancellation });
  cancellation.cancelled = true;
  assert.equal(await outcomeOf(decision), 'cancelled');
  assert.deepEqual(used, []);
});

test('ten wrong keys from one address throttle the next, and a right key still passes', async () => {
  const digests = ['a', 'b'].map((id) => testKey({ id, secret: { kind: 'digest', sha256: hash('sha256', id) } }));
  const ours = createApiKey('live');
  const secret = { kind: 'bcrypt', bcrypt: hashSync(ours, 4), prefix: ours.slice(0, prefixCharacters) } as const;
  const { decide } = setup([...digests, testKey({ id: 'ours', secret })]);
  const outcomes: string[] = [];
  for (let i = 0; i < 11; i += 1) {
    outcomes.push(await outcomeOf(decide({ headers: ['X-API-Key', createApiKey('live')] })));
  }
  assert.deepEqual(outcomes.slice(0, 10), Array<string>(10).fill('api_key invalid_credentials'));
  assert.equal(outcomes[10], 'api_key rate_limited');
  assert.equal(await outcomeOf(decide({ headers: ['X-API-Key', 'a'] })), 'key');
});

test('subprotocols are offered to the app without the keys in them', async () => {
  const headers = ['Sec-WebSocket-Protocol', `chat, portal-gateway.bearer.${key}`];
  const cases: [request: Partial<AuthRequest>, protocols: string | undefined][] = [
    [{ headers }, 'chat'],
    [{ headers: [headers[0] ?? '', `portal-gateway.bearer.${key}`] }, ''],
    [{ headers: ['X-API-Key', key, 'Sec-WebSocket-Protocol', 'chat'] }, undefined],
    [{ headers, policy: testPolicy({ auth: { forwardCredential: true } }) }, undefined],
  ];
  for (const [request, protocols] of cases) {
    const decision = await setup().decide({ upgrade: true, ...request });
    assert.ok(decision.kind === 'key');
    assert.equal(decision.protocols, protocols);
  }
});
