// Signs `X-Gateway-Assertion`, a JWT that identifies the caller to an app (docs/guides/assertions.md). Neither decides which leases get one
// nor stores the keys.
import { hash, randomUUID, sign } from 'node:crypto';
import type { Principal } from '../guard/principal.ts';
import type { Clock } from '../kernel/clock.ts';
import { currentKey, type SigningKey } from './signing-keys.ts';

/** Who tells whom of whom. */
export interface Assertion {
  /** gateway.public_url */
  readonly issuer: string;
  readonly leaseId: string;
  readonly principal: Principal;
}

export interface AssertedRequest {
  readonly method: string;
  /** As the app gets it: path and query. */
  readonly target: string;
}

export interface SignerParts {
  readonly keys: () => readonly SigningKey[];
  readonly clock: Clock;
}

interface Kept {
  readonly assertion: string;
  readonly untilMs: number;
}

/** Reused for up to 30 s. It is valid for as long again, and so is one that is never reused. */
const reusedForMs = 30_000;
const validForSeconds = { none: 60, request: 30 } as const;
/** Callers times leases that are busy at one time. Beyond it the oldest is signed anew, 40 us or so. */
const maxKept = 10_000;

export class AssertionSigner {
  readonly #parts: SignerParts;
  /** In the order of signing, the oldest first. */
  readonly #kept = new Map<string, Kept>();
  /** A key's principal is the same for all its requests. */
  readonly #whoTexts = new WeakMap<Principal, string>();

  constructor(parts: SignerParts) {
    this.#parts = parts;
  }

  /** `bind: none`. Undefined while there is no key. */
  forLease(about: Assertion): string | undefined {
    const nowMs = this.#parts.clock.wallMs();
    const key = this.#key(nowMs);
    if (key === undefined) return undefined;
    // What it says, and what it is signed with: nothing else can make two callers alike. No part but the last can hold a line break.
    const name = `${key.kid}\n${about.issuer}\n${about.leaseId}\n${this.#whoText(about.principal)}`;
    const kept = this.#kept.get(name);
    if (kept !== undefined && nowMs < kept.untilMs && nowMs >= kept.untilMs - reusedForMs) return kept.assertion;
    const assertion = signed(key, claimsOf(about, nowMs, validForSeconds.none));
    this.#kept.delete(name);
    this.#kept.set(name, { assertion, untilMs: nowMs + reusedForMs });
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= maxKept) break;
      this.#kept.delete(oldest);
    }
    return assertion;
  }

  /** `bind: request`: good for this one only. Undefined while there is no key. */
  forRequest(about: Assertion, { method, target }: AssertedRequest): string | undefined {
    const nowMs = this.#parts.clock.wallMs();
    const key = this.#key(nowMs);
    if (key === undefined) return undefined;
    return signed(key, {
      ...claimsOf(about, nowMs, validForSeconds.request),
      // 122 random bits.
      jti: randomUUID(),
      htm: method,
      target_sha256: hash('sha256', target, 'base64url'),
    });
  }

  #whoText(principal: Principal): string {
    let text = this.#whoTexts.get(principal);
    if (text === undefined) {
      text = JSON.stringify(whoOf(principal));
      this.#whoTexts.set(principal, text);
    }
    return text;
  }

  #key(nowMs: number): SigningKey | undefined {
    return currentKey(this.#parts.keys(), nowMs);
  }
}

function claimsOf({ issuer, leaseId, principal }: Assertion, nowMs: number, validSeconds: number): object {
  const iat = Math.floor(nowMs / 1000);
  return { iss: issuer, aud: leaseId, ...whoOf(principal), iat, exp: iat + validSeconds };
}

/** `kind` beside `sub`: a token's subject may be chosen to look like the id of a key. */
function whoOf({ id, kind, scopes, subject, tenant }: Principal): object {
  return { sub: subject ?? id, kind, scope: scopes.join(' '), ...(tenant !== undefined && { tenant }) };
}

/** RFC 7515 §7.1, RFC 8037 §3.1. */
function signed({ kid, privateKey }: SigningKey, claims: object): string {
  const input = `${encoded({ alg: 'EdDSA', typ: 'JWT', kid })}.${encoded(claims)}`;
  return `${input}.${sign(null, Buffer.from(input), privateKey).toString('base64url')}`;
}

function encoded(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
