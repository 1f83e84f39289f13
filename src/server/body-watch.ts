// Enforces the limits of a request body as it arrives: its size, and how long the client may pause.
// A pause because the app does not read is not counted.
import { Deadline, type Deadlines, type Expiring } from '../kernel/work/deadlines.ts';
import { GatewayError } from '../kernel/errors/gateway-error.ts';
import { bodyTooLarge } from './head-check.ts';

export interface BodyBounds {
  /** 0: unlimited. */
  readonly maxBytes: number;
  /** How long the client may pause between two pieces. */
  readonly pauseMs: number;
}

/** Notified when a limit of the body is exceeded. */
export interface BodyOwner {
  /**
   * The body is invalid or exceeds its limit. The piece that exceeded it is dropped, and so must be
   * the rest.
   */
  bodyFault(error: GatewayError): void;
  /** The client has paused for too long. */
  bodyStalled(error: GatewayError): void;
}

export class BodyWatch implements Expiring {
  readonly #bounds: BodyBounds;
  readonly #deadlines: Deadlines;
  readonly #deadline: Deadline;
  readonly #owner: BodyOwner;
  /** Without the framing. */
  receivedBytes = 0;
  /** The reader has abandoned the body; the rest is dropped. */
  left = false;
  /** The reader knows that the body will never be complete. */
  failed = false;
  /** The client waits for our 100 (Continue) before it sends the body. */
  #waiting: boolean;
  #over = false;

  constructor(bounds: BodyBounds, deadlines: Deadlines, owner: BodyOwner, waiting: boolean) {
    this.#bounds = bounds;
    this.#deadlines = deadlines;
    this.#owner = owner;
    this.#waiting = waiting;
    this.#deadline = new Deadline(this);
  }

  /** The 100 (Continue) was sent. */
  continued(): void {
    this.#waiting = false;
    this.wanted();
  }

  /** A reader waits for the next piece, so the client's time runs. */
  wanted(): void {
    if (!this.#waiting && !this.#over) this.#deadlines.arm(this.#deadline, this.#bounds.pauseMs);
  }

  /** Returns false if the piece must be dropped. */
  piece(bytes: number): boolean {
    this.receivedBytes += bytes;
    if (this.#over || this.failed) return false;
    this.#waiting = false;
    const { maxBytes } = this.#bounds;
    if (maxBytes === 0 || this.receivedBytes <= maxBytes) return true;
    this.end();
    this.#owner.bodyFault(bodyTooLarge(maxBytes));
    return false;
  }

  /** The framing is invalid: the body must not look complete. */
  invalid(error: GatewayError): void {
    if (this.#over) return;
    this.end();
    this.#owner.bodyFault(error);
  }

  /** There is no reader for now, so the client's time stops. */
  unwanted(): void {
    this.#deadlines.disarm(this.#deadline);
  }

  /** The body is complete, or is no longer needed. Idempotent. */
  end(): void {
    this.#over = true;
    this.#deadlines.disarm(this.#deadline);
  }

  expired(): void {
    this.#owner.bodyStalled(new GatewayError('request_timeout', 'The request body made no progress for too long.'));
  }
}
