// Owns the bound on what is at work at once: so many requests, a short queue behind them, and beside them so many streams, which last
// as long as they like. Everything else is turned away before it takes memory. Pure: knows no request and no clock.

/** One request, by whoever waits for its turn. */
export interface Entrant {
  /** It was in the queue, and there is room now. Must not throw. */
  admitted(): void;
}

export interface AdmissionLimits {
  readonly maxInFlight: number;
  readonly maxStreams: number;
  /** How many may wait. */
  readonly queue: number;
}

export class Admission {
  readonly #waiting = new Set<Entrant>();
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

  /** The newest limits count for all, also for those who wait already. */
  enter(entrant: Entrant, limits: AdmissionLimits): 'admitted' | 'queued' | 'full' {
    this.#limits = limits;
    if (this.#inFlight < limits.maxInFlight && this.#waiting.size === 0) {
      this.#inFlight += 1;
      return 'admitted';
    }
    if (this.#waiting.size >= limits.queue) return 'full';
    this.#waiting.add(entrant);
    // The limits may have been raised since the others came.
    this.#admitWaiting();
    return 'queued';
  }

  /** It does not wait any longer. */
  leaveQueue(entrant: Entrant): void {
    this.#waiting.delete(entrant);
  }

  /** Its answer is complete, or will never be. */
  leave(): void {
    this.#inFlight -= 1;
    this.#admitWaiting();
  }

  hasRoomForStream(limits: AdmissionLimits): boolean {
    return this.#streams < limits.maxStreams;
  }

  /** A request in flight goes on as a stream. False: there are too many, and it stays what it was. */
  becomeStream(limits: AdmissionLimits): boolean {
    if (!this.hasRoomForStream(limits)) return false;
    this.#streams += 1;
    this.leave();
    return true;
  }

  leaveStream(): void {
    this.#streams -= 1;
  }

  /** Who is admitted may fail at once and leave again: this loop sees to the room that makes, not one within it. */
  #admitWaiting(): void {
    if (this.#admitting) return;
    this.#admitting = true;
    for (const entrant of this.#waiting) {
      if (this.#inFlight >= (this.#limits?.maxInFlight ?? 0)) break;
      this.#waiting.delete(entrant);
      this.#inFlight += 1;
      entrant.admitted();
    }
    this.#admitting = false;
  }
}
