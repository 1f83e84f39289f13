// Owns the bounds of a request body while it comes: how large it may become, and how long the client may pause within it. A pause
// that the app makes, by not reading, is not the client's. Knows nothing of what becomes of the pieces.
import { Deadline, type Deadlines, type Expiring } from '../kernel/work/deadlines.ts';
import { GatewayError } from '../kernel/errors/gateway-error.ts';
import { bodyTooLarge } from './head-check.ts';

export interface BodyBounds {
  /** 0: unlimited. */
  readonly maxBytes: number;
  /** Between two pieces. */
  readonly pauseMs: number;
}

/** Who has to do with the end of such a body. */
export interface BodyOwner {
  /** It grew beyond its bound. The piece that did so is dropped, and so must be what follows. */
  bodyFault(error: GatewayError): void;
  /** The client has paused for too long. */
  bodyStalled(error: GatewayError): void;
}

export class BodyWatch implements Expiring {
  readonly #bounds: BodyBounds;
  readonly #deadlines: Deadlines;
  readonly #deadline: Deadline;
  readonly #owner: BodyOwner;
  /** Without framing. */
  receivedBytes = 0;
  /** Its reader did not want the rest, which is dropped. */
  left = false;
  /** Its reader has been told that it will never be whole. */
  failed = false;
  /** It waits for our 100 before it sends anything. */
  #waiting: boolean;
  #over = false;

  constructor(bounds: BodyBounds, deadlines: Deadlines, owner: BodyOwner, waiting: boolean) {
    this.#bounds = bounds;
    this.#deadlines = deadlines;
    this.#owner = owner;
    this.#waiting = waiting;
    this.#deadline = new Deadline(this);
  }

  /** The 100 has gone out. */
  continued(): void {
    this.#waiting = false;
    this.wanted();
  }

  /** Somebody reads, and the next piece is the client's to send. */
  wanted(): void {
    if (!this.#waiting && !this.#over) this.#deadlines.arm(this.#deadline, this.#bounds.pauseMs);
  }

  /** False: the piece must be dropped. */
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

  /** Its framing is wrong: it must not look complete. */
  invalid(error: GatewayError): void {
    if (this.#over) return;
    this.end();
    this.#owner.bodyFault(error);
  }

  /** Nobody reads for now. */
  unwanted(): void {
    this.#deadlines.disarm(this.#deadline);
  }

  /** It is complete, or nobody cares any more. Idempotent. */
  end(): void {
    this.#over = true;
    this.#deadlines.disarm(this.#deadline);
  }

  expired(): void {
    this.#owner.bodyStalled(new GatewayError('request_timeout', 'The request body stood still for too long.'));
  }
}
