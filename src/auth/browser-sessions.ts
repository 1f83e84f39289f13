// Browser sessions of `dev`: one-time sign-in links, and the sessions that they open. Keeps digests
// in memory only, so everything ends with the process.
import { hash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Principal } from '../guard/principal.ts';
import type { Clock } from '../kernel/clock.ts';

/** 256 bits. */
const tokenBytes = 32;
const tokenForm = /^[\w-]{43}$/;
const linkLifetimeMs = 300_000;
export const sessionLifetimeMs = 43_200_000;
/** One more replaces the oldest. */
const maxLinks = 16;
const maxSessions = 64;

interface Issued {
  readonly digest: Buffer;
  /** The lease that it is for, as lease-name.ts compares names. */
  readonly lease: string;
  readonly expiresAtMs: number;
}

/** Tokens of one kind, oldest first. */
class Tokens {
  readonly #clock: Clock;
  readonly #lifetimeMs: number;
  readonly #max: number;
  #issued: Issued[] = [];

  constructor(clock: Clock, lifetimeMs: number, max: number) {
    this.#clock = clock;
    this.#lifetimeMs = lifetimeMs;
    this.#max = max;
  }

  issue(lease: string): string {
    const token = randomBytes(tokenBytes).toString('base64url');
    const expiresAtMs = this.#clock.monotonicMs() + this.#lifetimeMs;
    this.#issued = [...this.#valid(), { digest: digestOf(token), lease, expiresAtMs }].slice(-this.#max);
    return token;
  }

  has(token: string, lease: string): boolean {
    return this.#find(token, lease) !== undefined;
  }

  /** Whether the token was valid. It is not from now on. */
  take(token: string, lease: string): boolean {
    const found = this.#find(token, lease);
    if (found !== undefined) this.#issued = this.#issued.filter((issued) => issued !== found);
    return found !== undefined;
  }

  /** Compares with every token, in constant time. */
  #find(token: string, lease: string): Issued | undefined {
    if (!tokenForm.test(token)) return undefined;
    const digest = digestOf(token);
    let found: Issued | undefined;
    for (const issued of this.#valid()) if (timingSafeEqual(issued.digest, digest)) found = issued;
    return found?.lease === lease ? found : undefined;
  }

  #valid(): Issued[] {
    const nowMs = this.#clock.monotonicMs();
    return this.#issued.filter(({ expiresAtMs }) => nowMs < expiresAtMs);
  }
}

export interface BrowserSessionsOptions {
  /** The caller that every session acts as. */
  readonly principal: Principal;
  readonly clock: Clock;
}

export class BrowserSessions {
  readonly #principal: Principal;
  readonly #links: Tokens;
  readonly #sessions: Tokens;

  constructor({ principal, clock }: BrowserSessionsOptions) {
    this.#principal = principal;
    this.#links = new Tokens(clock, linkLifetimeMs, maxLinks);
    this.#sessions = new Tokens(clock, sessionLifetimeMs, maxSessions);
  }

  /** The token of a new link: valid once, for five minutes, for this lease. */
  createLink(lease: string): string {
    return this.#links.issue(lease);
  }

  /** Uses up the link. Returns the token of a new session; undefined if the link is not valid. */
  redeem(link: string, lease: string): string | undefined {
    return this.#links.take(link, lease) ? this.#sessions.issue(lease) : undefined;
  }

  /** The caller that the session acts as; undefined if it is not valid for the lease. */
  find(session: string, lease: string): Principal | undefined {
    return this.#sessions.has(session, lease) ? this.#principal : undefined;
  }
}

function digestOf(token: string): Buffer {
  return hash('sha256', token, 'buffer');
}
