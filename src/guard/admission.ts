// Limits the requests in flight, with a short queue, and separately the streams, which last as long
// as they like. Under contention only callers below their share are admitted, so that none can take
// all places. Pure: uses no request and no clock.
import { FairQueue } from './fair-queue.ts';
import { type Caller, type ShareLimits, Shares } from './shares.ts';

/** A request that may have to wait. */
export interface Entrant {
  readonly caller: Caller;
  /** The unit of fairness in the queue: a key, or the address of anonymous callers. */
  readonly flow: string;
  /** A queued entry is admitted. Must not throw. */
  admitted(): void;
  /**
   * A queued entry is evicted in favour of a caller with fewer requests in the queue. Must not
   * throw.
   */
  evicted(): void;
}

export interface AdmissionLimits {
  readonly maxInFlight: number;
  readonly maxStreams: number;
  /** Maximum number of waiting requests. */
  readonly queue: number;
  /** Maximum of one caller under contention, for requests in flight and for streams. */
  readonly requestShares: ShareLimits;
  readonly streamShares: ShareLimits;
}

/** Above this part of the maximum, callers are limited to their shares. */
const contentionRatio = 3 / 4;
const defaultShareRatio = 1 / 4;

export class Admission {
  readonly #waiting = new FairQueue<Entrant>();
  readonly #requestShares = new Shares();
  readonly #streamShares = new Shares();
  #limits: AdmissionLimits | undefined = undefined;
  #inFlight = 0;
  #streams = 0;
  #admitting = false;

  get inFlight(): number {
    return this.#inFlight;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  get streams(): number {
    return this.#streams;
  }

  /** The newest limits apply to all requests, including those that are waiting. */
  enter(entrant: Entrant, limits: AdmissionLimits): 'admitted' | 'queued' | 'full' {
    if (limits !== this.#limits) {
      this.#limits = limits;
      this.#admitWaiting();
    }
    // Every waiting caller is above its share, or there is no room at all: so a caller below its
    // share overtakes no request that could be admitted.
    if ((!this.#admitting || this.#waiting.size === 0) && this.#hasRoom(entrant.caller, limits)) {
      this.#begin(entrant);
      return 'admitted';
    }
    if (this.#waiting.size >= limits.queue) {
      const evicted = this.#waiting.evictFor(entrant.flow);
      if (evicted === undefined) return 'full';
      evicted.evicted();
    }
    this.#waiting.add(entrant);
    return 'queued';
  }

  /** The request stops waiting. */
  leaveQueue(entrant: Entrant): void {
    this.#waiting.delete(entrant);
  }

  /** The response is complete, or will never be. */
  leave(caller: Caller): void {
    this.#inFlight -= 1;
    this.#requestShares.remove(caller);
    this.#admitWaiting();
  }

  hasRoomForStream(caller: Caller, limits: AdmissionLimits): boolean {
    const { maxStreams } = limits;
    if (this.#streams >= maxStreams) return false;
    return this.#streams <= maxStreams * contentionRatio || this.#streamShares.isBelow(caller, limits.streamShares);
  }

  /**
   * Turns a request in flight into a stream. Returns false when there are too many streams; the
   * request then stays in flight.
   */
  becomeStream(caller: Caller, limits: AdmissionLimits): boolean {
    if (!this.hasRoomForStream(caller, limits)) return false;
    this.#streams += 1;
    this.#streamShares.add(caller);
    this.leave(caller);
    return true;
  }

  leaveStream(caller: Caller): void {
    this.#streams -= 1;
    this.#streamShares.remove(caller);
  }

  #hasRoom(caller: Caller, limits: AdmissionLimits): boolean {
    const { maxInFlight } = limits;
    if (this.#inFlight >= maxInFlight) return false;
    return this.#inFlight <= maxInFlight * contentionRatio || this.#requestShares.isBelow(caller, limits.requestShares);
  }

  #begin({ caller }: Entrant): void {
    this.#inFlight += 1;
    this.#requestShares.add(caller);
  }

  /**
   * An admitted request may fail at once and leave again: the loop that is already running then
   * uses the freed place.
   */
  #admitWaiting(): void {
    const limits = this.#limits;
    if (this.#admitting || limits === undefined) return;
    this.#admitting = true;
    const mayGo = (entrant: Entrant): boolean => this.#hasRoom(entrant.caller, limits);
    while (this.#waiting.size > 0 && this.#inFlight < limits.maxInFlight) {
      const entrant = this.#waiting.take(mayGo);
      if (entrant === undefined) break;
      this.#begin(entrant);
      entrant.admitted();
    }
    this.#admitting = false;
  }
}

/** `shares`: 0 means a quarter of the maximum. */
export function admissionLimits(
  { maxInFlight, maxStreams, queue }: Pick<AdmissionLimits, 'maxInFlight' | 'maxStreams' | 'queue'>,
  shares: ShareLimits,
): AdmissionLimits {
  const of = (whole: number): ShareLimits => {
    const quarter = Math.max(1, Math.floor(whole * defaultShareRatio));
    return {
      perKey: shares.perKey || quarter,
      perLease: shares.perLease || quarter,
      perTenant: shares.perTenant || quarter,
      perAddress: shares.perAddress || quarter,
    };
  };
  return { maxInFlight, maxStreams, queue, requestShares: of(maxInFlight), streamShares: of(maxStreams) };
}
