// The life of one lease on one session: registers it, renews it before it expires, withdraws it unless another connection may hold it
// by now. Does not accept connections to the lease and does not publish again on another session.
import { setTimeout as pause } from 'node:timers/promises';
import { TimeLimit } from '../../kernel/work/time-limit.ts';
import { clockToleranceSeconds } from '../../kernel/clock-skew.ts';
import type { ClientRefusal } from './accept.ts';
import { ClockSkewError, PortalError } from '../errors.ts';
import type { LeaseOffer } from '../lease.ts';
import { requestLeaseDelete, requestLeaseUpdate } from '../control-requests.ts';
import { LeaseWatch } from './lease-watch.ts';
import { requestInfo } from '../list-request.ts';
import { rejection } from './name-holder.ts';
import { ResponseCode } from '../packets/packets.ts';
import type { RelayClock } from './relay-clock.ts';
import type { Mux } from '../yamux/session.ts';

/** As long as the Go app's leases, at least. */
const ttlMs = 30_000;
/**
 * Each renewal asks for up to so many whole seconds more, at random. Relays list the expiry of a lease and not the connection that renewed
 * it, so this is how a process recognises renewals of another process with the same identity.
 */
const expirySpreadSeconds = 15;
/** Two renewals may be lost before the lease is. */
const defaultRenewEveryMs = 10_000;
/** A lease request with a bad signature gets no answer at all. */
const responseTimeoutMs = 10_000;
/** Withdrawing is a courtesy: a lease that is not renewed expires. */
const withdrawTimeoutMs = 1_000;
/** While a lease is withdrawn, the list is requested so many times in one renewal interval. */
const looksPerInterval = 10;
/**
 * When the last of these requests is due, in renewal intervals after the last renewal. The last renewal of another connection may have asked
 * for the same expiry as ours, and its next one may be late.
 */
const knownAfterIntervals = 1.2;

export interface PublishObserver {
  /** The relay took the lease; called once. */
  published(): void;
  /** The relay took a renewal. */
  renewed?(): void;
  /**
   * Another process publishes the lease, too: the relay listed an expiry that this one did not ask for, several times in a row. `expiresAtMs`:
   * of the other one's last renewal.
   */
  contested?(expiresAtMs: number): void;
  /** The relay refused the lease, now or at a renewal; LeaseRejected where another identity may hold the name. The last call. */
  refused(error: PortalError): void;
  /** A client's connection was refused; called for each of them. */
  clientRefused?(refusal: ClientRefusal): void;
}

export interface PublicationOptions {
  /** The relay's time: a lease lasts until a moment on the relay's clock. */
  readonly clock: RelayClock;
  /** Milliseconds between two renewals, default 10 s. */
  readonly renewEveryMs?: number | undefined;
  /** 0 up to 1, default Math.random. */
  readonly random?: (() => number) | undefined;
}

export class Publication {
  readonly #mux: Mux;
  readonly #offer: LeaseOffer;
  readonly #clock: RelayClock;
  readonly #renewEveryMs: number;
  readonly #random: () => number;
  readonly #observer: PublishObserver;
  readonly #watch: LeaseWatch;
  readonly #stopped = new AbortController();
  readonly #released = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #published = false;
  /** What the relay may list as the expiry of this lease, seconds since 1970: the last one that it took, and those that it may have taken since. */
  #expirySeconds: number[] = [];
  /** Monotonic, milliseconds. */
  #renewedAtMs = -Infinity;
  #withdrawn: Promise<void> | undefined;

  constructor(mux: Mux, offer: LeaseOffer, options: PublicationOptions, observer: PublishObserver) {
    this.#mux = mux;
    this.#offer = offer;
    this.#clock = options.clock;
    this.#renewEveryMs = options.renewEveryMs ?? defaultRenewEveryMs;
    this.#random = options.random ?? Math.random;
    this.#observer = observer;
    this.#watch = new LeaseWatch({
      mux,
      leaseId: offer.credential.id,
      ownExpiries: () => this.#expirySeconds,
      renewEveryMs: this.#renewEveryMs,
      contested: (expiresAtMs) => observer.contested?.(expiresAtMs),
    });
    void this.#update();
  }

  /**
   * Stops renewing, and resolves when the list shows that another connection holds the lease, or one renewal interval after the last
   * renewal. Only then is it known that nobody else publishes the lease, and it is deleted: real relays delete it whoever
   * holds it. Never throws. Idempotent.
   */
  withdraw(): Promise<void> {
    this.#stopRenewing();
    return (this.#withdrawn ??= this.#withdraw());
  }

  /** Stops renewing and waiting, and sends nothing: the relay drops the lease with the session, if the session still holds it. Idempotent. */
  release(): void {
    this.#stopRenewing();
    this.#released.abort();
  }

  async #withdraw(): Promise<void> {
    if (!this.#published || this.#mux.state === 'closed') return;
    try {
      if (!(await this.#isAlone())) return;
      using limit = new TimeLimit(withdrawTimeoutMs);
      await requestLeaseDelete(this.#mux, this.#offer.credential, this.#clock.nowMs(), limit.signal);
    } catch {
      // The session is gone, and the lease with it; or the relay is deaf, and the lease expires.
    }
  }

  /** Throws when the session ends, the relay does not list its leases, or the publication is released. */
  async #isAlone(): Promise<boolean> {
    const lookEveryMs = this.#renewEveryMs / looksPerInterval;
    const knownAtMs = this.#renewedAtMs + this.#renewEveryMs * knownAfterIntervals;
    for (;;) {
      const restMs = knownAtMs - performance.now();
      const isOwn = await this.#isListed();
      if (isOwn && restMs <= 0) return true;
      // Connections that the relay forwarded before the lease moved may still arrive.
      const waitMs = isOwn ? Math.min(lookEveryMs, restMs) : lookEveryMs;
      await pause(waitMs, undefined, { signal: this.#released.signal, ref: false });
      if (!isOwn) return false;
    }
  }

  /** The relay lists the lease with an expiry that this publication asked for. */
  async #isListed(): Promise<boolean> {
    using limit = new TimeLimit(responseTimeoutMs);
    const signal = AbortSignal.any([this.#released.signal, limit.signal]);
    const { leases } = await requestInfo(this.#mux, signal, { metadata: 'drop' });
    const lease = leases.find(({ id }) => id === this.#offer.credential.id);
    return lease !== undefined && this.#expirySeconds.includes(lease.expiresAtMs / 1_000);
  }

  async #update(): Promise<void> {
    await this.#clock.settled();
    using limit = new TimeLimit(responseTimeoutMs);
    try {
      this.#stopped.signal.throwIfAborted();
      const signal = AbortSignal.any([this.#stopped.signal, limit.signal]);
      const code = await this.#request(signal);
      if (this.#stopped.signal.aborted) return;
      if (code !== ResponseCode.ACCEPTED) {
        await this.#refusedWith(code);
        return;
      }
      this.#expirySeconds = this.#expirySeconds.slice(-1);
      if (this.#published) this.#observer.renewed?.();
      else {
        this.#published = true;
        this.#observer.published();
      }
    } catch (error) {
      if (this.#stopped.signal.aborted || this.#mux.state === 'closed') return;
      if (!this.#published) {
        const what = error instanceof PortalError ? error.message : 'it did not answer in time';
        this.#refused(
          new PortalError('lease_timeout', `the relay did not take the lease "${this.#offer.name}": ${what}`, {
            cause: error,
          }),
        );
        return;
      }
      // A renewal may fail twice before the lease expires; a dead session is the keepalive's to find.
    }
    this.#renewLater();
  }

  /**
   * A refusal for the time of the request is answered at once: by the relay's time, asked for again, and then by the other clock. Go relays
   * refuse an expired lease with REJECTED, as everything else, so where the clocks differ that may be such a refusal.
   */
  async #request(signal: AbortSignal): Promise<number> {
    let code = await this.#send(signal);
    if (code === ResponseCode.ACCEPTED) return code;
    const hasMoved = await this.#clock.askAgain();
    if (isAboutTime(code) || hasMoved) code = await this.#send(signal);
    const isRejected = code === ResponseCode.REJECTED && this.#clock.isFollowable && this.#isSkewed;
    if (!isAboutTime(code) && !isRejected) return code;
    this.#clock.followOther();
    const other = await this.#send(signal);
    if (!isRejected || other === ResponseCode.ACCEPTED) return other;
    // Rejected by either time: not because it has expired.
    this.#clock.followOther();
    return code;
  }

  #send(signal: AbortSignal): Promise<number> {
    signal.throwIfAborted();
    const nowMs = this.#clock.nowMs();
    const expiresAtMs = nowMs + ttlMs + Math.floor(this.#random() * expirySpreadSeconds) * 1_000;
    this.#expirySeconds.push(Math.floor(expiresAtMs / 1_000));
    this.#renewedAtMs = performance.now();
    return requestLeaseUpdate(this.#mux, this.#offer, { nowMs, expiresAtMs }, signal);
  }

  #renewLater(): void {
    // The observer may have withdrawn the lease in its call.
    if (this.#stopped.signal.aborted) return;
    const delayMs = this.#watch.delayBefore(this.#renewEveryMs);
    this.#timer = setTimeout(() => void this.#update(), delayMs);
    this.#watch.renewingIn(delayMs);
  }

  #refused(error: PortalError): void {
    this.release();
    this.#observer.refused(error);
  }

  async #refusedWith(code: number): Promise<void> {
    const error = this.#skewRefusal(code) ?? (await this.#plainRefusal(code));
    if (!this.#stopped.signal.aborted) this.#refused(error);
  }

  /** Undefined: the refusal has nothing to do with clocks. */
  #skewRefusal(code: number): PortalError | undefined {
    // The lease may have expired by the relay's time, which is too far off to be followed.
    const isOld = this.#isSkewed && !this.#clock.isFollowable;
    if (!isAboutTime(code) && !(code === ResponseCode.REJECTED && isOld)) return undefined;
    const what = `the relay refused the lease "${this.#offer.name}"`;
    return new ClockSkewError('relay', this.#isSkewed ? this.#skewSeconds : undefined, what);
  }

  get #skewSeconds(): number {
    return (this.#clock.skewMs ?? 0) / 1_000;
  }

  get #isSkewed(): boolean {
    return Math.abs(this.#skewSeconds) > clockToleranceSeconds;
  }

  async #plainRefusal(code: number): Promise<PortalError> {
    if (code === ResponseCode.REJECTED) return rejection(this.#mux, this.#offer, this.#stopped.signal);
    return new PortalError('lease_refused', `the relay refused the lease "${this.#offer.name}" with code ${code}`);
  }

  #stopRenewing(): void {
    this.#watch.stop();
    clearTimeout(this.#timer);
    this.#stopped.abort();
  }
}

/** Older versions of our relay refuse what has expired by their clock, without a code of its own. */
function isAboutTime(code: number): boolean {
  return code === ResponseCode.CLOCK_SKEW || code === ResponseCode.INVALID_EXPIRES;
}
