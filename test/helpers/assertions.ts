// Creates assertions for tests: signed as the gateway does, with the test's own keys and time.
import { type Assertion, AssertionSigner } from '../../src/auth/assertion-signer.ts';
import { publishedKeys, rotated, type SigningKey } from '../../src/auth/signing-keys.ts';
import type { Principal } from '../../src/guard/principal.ts';

export const leaseId = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';
export const caller: Principal = { id: 'billing-bot', kind: 'key', scopes: ['read', 'mcp'] };

export function about(principal: Principal = caller, lease: string = leaseId): Assertion {
  return { issuer: 'https://gateway.test', leaseId: lease, principal };
}

export interface TestSigner {
  readonly signer: AssertionSigner;
  readonly jwks: ReturnType<typeof publishedKeys>;
  readonly time: { nowMs: number };
}

export function testSigner(nowMs: number): TestSigner {
  const time = { nowMs };
  const keys: readonly SigningKey[] = rotated([], nowMs - 1);
  const clock = { wallMs: () => time.nowMs, monotonicMs: () => time.nowMs };
  const signer = new AssertionSigner({ keys: () => keys, clock });
  return { signer, jwks: publishedKeys(keys), time };
}
