// One published lease on one session: registers it, renews it before it expires, and deletes it on
// withdrawal unless another connection may hold it. Does not accept connections or publish again on
// another session.
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
import type { Mux } from '../yamux/mux.ts';

/** At least as long as the leases of the Go app. */
const ttlMs = 30_000;
/**
 * Each renewal requests up to this many extra seconds, at random. Relays list the expiry of a lease
 * but not the connection that renewed it, so this distinguishes the renewals of another process
 * with the same identity.
 */
const expirySpreadSeconds = 15;
/** The lease survives two lost renewals. */
const defaultRenewEveryMs = 10_000;
/** A lease request with a bad signature gets no response. */
const responseTimeoutMs = 10_000;
/** Short, because deleting the lease is optional: it expires without renewals. */
const withdrawTimeoutMs = 1_000;
/** Number of list requests in one renewal interval while a lease is withdrawn. */
const looksPerInterval = 10;
/**
 * When the last of these requests is due, in renewal intervals after the last renewal. More than 1,
 * because the last renewal of another connection may have requested the same expiry, and its next
 * one may be late.
 */
const knownAfterIntervals = 1.2;

export interface PublishObserver {
  /** The relay accepted the lease; called once. */
  published(): void;
  /** The relay accepted a renewal. */
  renewed?(): void;
  /**
   * Another process also publishes the lease: the relay listed an expiry that this process did not
   * request, several times in a row. `expiresAtMs`: from the other process's last renewal.
   */
  contested?(expiresAtMs: number): void;
  /**
   * The relay rejected the lease, at first or at a renewal; LeaseRejected if another identity may
   * hold the name. The last call.
   */
  refused(error: PortalError): void;
  /** A client's connection was refused; called for each of them. */
  clientRefused?(refusal: ClientRefusal): void;
}

export interface PublicationOptions {
  /** The relay's time: leases expire by the relay's clock. */
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
  /**
   * The expiries that the relay may list for this lease, seconds since 1970: the last accepted one,
   * and those requested since.
   */
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
      clock: options.clock,
      leaseId: offer.credential.id,
      ownExpiries: () => this.#expirySeconds,
      renewEveryMs: this.#renewEveryMs,
      contested: (expiresAtMs) => observer.contested?.(expiresAtMs),
    });
    void this.#update();
  }

  /**
   * Stops renewing. Resolves when the list shows that another connection holds the lease, or one
   * renewal interval after the last renewal. Only then is it certain that no other process
   * publishes the lease, and it is deleted: other relays delete it for any connection. Never
   * throws. Idempotent.
   */
  withdraw(): Promise<void> {
    this.#stopRenewing();
    return (this.#withdrawn ??= this.#withdraw());
  }

  /**
   * Stops renewing and waiting without sending anything: the relay drops the lease with the
   * session, if the session still holds it. Idempotent.
   */
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
      // The session and its lease are gone, or the relay does not respond and the lease expires.
    }
  }

  /**
   * Throws when the session ends, the relay does not list its leases, or the publication is
   * released.
   */
  async #isAlone(): Promise<boolean> {
    const lookEveryMs = this.#renewEveryMs / looksPerInterval;
    const knownAtMs = this.#renewedAtMs + this.#renewEveryMs * knownAfterIntervals;
    for (;;) {
      const restMs = knownAtMs - this.#clock.monotonicMs();
      const isOwn = await this.#isListed();
      if (isOwn && restMs <= 0) return true;
      // Connections that the relay forwarded before the lease moved may still arrive.
      const waitMs = isOwn ? Math.min(lookEveryMs, restMs) : lookEveryMs;
      await pause(waitMs, undefined, { signal: this.#released.signal, ref: false });
      if (!isOwn) return false;
    }
  }

  /** Whether the relay lists the lease with an expiry that this publication requested. */
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
        const what = error instanceof PortalError ? error.message : 'it did not respond in time';
        this.#refused(
          new PortalError('lease_timeout', `the relay did not accept the lease "${this.#offer.name}": ${what}`, {
            cause: error,
          }),
        );
        return;
      }
      // The lease survives two failed renewals; the keepalive detects a dead session.
    }
    this.#renewLater();
  }

  /**
   * Retries at once if the relay refuses the time of the request: first with the relay's time
   * requested again, then with the other clock. Go relays answer REJECTED for an expired lease as
   * for everything else, so REJECTED may have this cause if the clocks differ.
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
    // Rejected with either time, so expiry is not the reason.
    this.#clock.followOther();
    return code;
  }

  #send(signal: AbortSignal): Promise<number> {
    signal.throwIfAborted();
    const nowMs = this.#clock.nowMs();
    const expiresAtMs = nowMs + ttlMs + Math.floor(this.#random() * expirySpreadSeconds) * 1_000;
    this.#expirySeconds.push(Math.floor(expiresAtMs / 1_000));
    this.#renewedAtMs = this.#clock.monotonicMs();
    return requestLeaseUpdate(this.#mux, this.#offer, { nowMs, expiresAtMs }, signal);
  }

  #renewLater(): void {
    // The observer may have withdrawn the lease during its call.
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

  /** Returns undefined if the refusal is unrelated to clocks. */
  #skewRefusal(code: number): PortalError | undefined {
    // The lease may have expired by the relay's time, which differs too much to be used.
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

/**
 * Older versions of our relay answer INVALID_EXPIRES for a lease that is expired by their clock.
 */
function isAboutTime(code: number): boolean {
  return code === ResponseCode.CLOCK_SKEW || code === ResponseCode.INVALID_EXPIRES;
}
