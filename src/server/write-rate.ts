// Aborts responses whose client reads too slowly. Only the time during which data waits for the
// client counts, so a slow app or a pause of the gateway is never counted against the client.
import type { Clock } from '../kernel/clock.ts';
import { Deadline, type Deadlines, type Expiring } from '../kernel/work/deadlines.ts';
import { GatewayError } from '../kernel/errors/gateway-error.ts';
import { slowClientCut, type SlowClientCut } from '../kernel/events.ts';
import type { Exchange } from '../pipeline/stage.ts';
import type { Policy } from '../policy/policy.ts';

export interface WriteRateBounds {
  /** Bytes that the client must read in a second, averaged over `windowMs` of waiting. */
  readonly minBytesPerSecond: number;
  readonly windowMs: number;
}

/** As documented for `gateway.min_write_rate`. */
export const writeRateWindowMs = 30_000;

/** Checks for each window. Deadlines share timers if their durations are few. */
const checksPerWindow = 30;

/** Measures how fast a client reads one response. */
export class WriteRate implements Expiring {
  readonly #bounds: WriteRateBounds;
  readonly #clock: Clock;
  readonly #deadlines: Deadlines;
  readonly #tooSlow: () => void;
  readonly #deadline = new Deadline(this);
  /** Waiting time in the current window, without the current wait. */
  #waitedMs = 0;
  #takenBytes = 0;
  /** Undefined: no data waits. */
  #waitingSinceMs: number | undefined = undefined;
  #pendingBytes = 0;
  #armed = false;
  #over = false;

  /** `tooSlow`: called once. */
  constructor(bounds: WriteRateBounds, clock: Clock, deadlines: Deadlines, tooSlow: () => void) {
    this.#bounds = bounds;
    this.#clock = clock;
    this.#deadlines = deadlines;
    this.#tooSlow = tooSlow;
  }

  /** `pendingBytes` now wait for the client. */
  waits(pendingBytes: number): void {
    if (this.#over) return;
    this.#pendingBytes = pendingBytes;
    this.#waitingSinceMs ??= this.#clock.monotonicMs();
    if (!this.#armed) this.#arm(this.#bounds.windowMs);
  }

  /** All waiting data was read. */
  drained(): void {
    if (this.#waitingSinceMs === undefined) return;
    this.#waitedMs += this.#clock.monotonicMs() - this.#waitingSinceMs;
    this.#takenBytes += this.#pendingBytes;
    this.#waitingSinceMs = undefined;
    if (this.#waitedMs < this.#bounds.windowMs) return;
    if (this.#takenBytes < this.#bytesIn(this.#waitedMs)) {
      this.#cut();
      return;
    }
    this.#waitedMs = 0;
    this.#takenBytes = 0;
  }

  /** No more data will wait for the client. Idempotent. */
  end(): void {
    this.#over = true;
    this.#deadlines.disarm(this.#deadline);
  }

  expired(): void {
    this.#armed = false;
    if (this.#over || this.#waitingSinceMs === undefined) return;
    const waitingMs = this.#clock.monotonicMs() - this.#waitingSinceMs;
    // The socket does not show how many of the pending bytes the client has read, so this assumes
    // all of them and computes how long they may take.
    const leftMs = Math.min(
      this.#allowedMs(this.#takenBytes + this.#pendingBytes) - this.#waitedMs,
      // For this wait alone: bytes read earlier, for example into the buffers of the operating
      // system, do not extend it.
      this.#allowedMs(this.#pendingBytes),
    );
    if (waitingMs >= leftMs) this.#cut();
    else this.#arm(leftMs - waitingMs);
  }

  #allowedMs(bytes: number): number {
    return Math.max(this.#bounds.windowMs, (bytes * 1000) / this.#bounds.minBytesPerSecond);
  }

  #bytesIn(ms: number): number {
    return (this.#bounds.minBytesPerSecond * ms) / 1000;
  }

  #arm(ms: number): void {
    const stepMs = this.#bounds.windowMs / checksPerWindow;
    this.#armed = true;
    this.#deadlines.arm(this.#deadline, Math.ceil(ms / stepMs) * stepMs);
  }

  #cut(): void {
    this.end();
    this.#tooSlow();
  }
}

export interface WriteRateHost {
  /** Undefined: the client may read as slowly as it likes. */
  writeRate(tooSlow: () => void): WriteRate | undefined;
}

/**
 * Watches the client of one response. Measuring starts when data first has to wait for the client.
 */
export class WriteRateWatch {
  /** True for streams; known once the response head is. */
  exempt = false;
  readonly #host: WriteRateHost;
  readonly #tooSlow: () => void;
  #rate: WriteRate | undefined = undefined;

  constructor(host: WriteRateHost, tooSlow: () => void) {
    this.#host = host;
    this.#tooSlow = tooSlow;
  }

  /** `pendingBytes`, possibly 0, now wait for the client. */
  waits(pendingBytes: number): void {
    if (pendingBytes === 0 || this.exempt) return;
    this.#rate ??= this.#host.writeRate(this.#tooSlow);
    this.#rate?.waits(pendingBytes);
  }

  drained(): void {
    this.#rate?.drained();
  }

  end(): void {
    this.#rate?.end();
  }
}

/** Undefined: `gateway.min_write_rate` is off. */
export function writeRateOf(
  { limits }: Policy,
  host: { readonly clock: Clock; readonly deadlines: Deadlines; readonly writeRateWindowMs: number },
  tooSlow: () => void,
): WriteRate | undefined {
  const { minWriteRateBytes } = limits;
  if (minWriteRateBytes === 0) return undefined;
  const bounds = { minBytesPerSecond: minWriteRateBytes, windowMs: host.writeRateWindowMs };
  return new WriteRate(bounds, host.clock, host.deadlines, tooSlow);
}

/** Reports the aborted response and returns the reason. */
export function clientTooSlow({ id, clientIp, destination }: Exchange): GatewayError {
  if (slowClientCut.hasSubscribers) {
    slowClientCut.publish({ requestId: id, clientIp, leaseId: destination?.lease.id } satisfies SlowClientCut);
  }
  return new GatewayError('client_too_slow', 'The client read the response more slowly than gateway.min_write_rate.');
}
