// Requests that wait for a tunnel, as their pool sees them.
import { Deadline, type Expiring } from '../kernel/work/deadlines.ts';
import type { GatewayError } from '../kernel/errors/gateway-error.ts';
import type { Connection } from './tunnel-connection.ts';

/**
 * The tunnel that a request needs. `recent`: new, or idle so briefly that it has most likely not
 * died unnoticed, for a request that cannot be repeated. `new`: never used, for a request that will
 * not return it.
 */
export type Freshness = 'any' | 'recent' | 'new';

/**
 * A request that waits for a tunnel. Exactly one of ready() and failed() is called, perhaps within
 * acquire(), and neither after cancel().
 */
export interface Waiter {
  readonly freshness: Freshness;
  ready(connection: Connection): void;
  failed(error: GatewayError): void;
}

/** A waiter with its deadline and its dial, if it has one. */
export class Pending implements Expiring {
  readonly waiter: Waiter;
  readonly deadline: Deadline;
  readonly #timedOut: (pending: Pending) => void;
  dial: AbortController | undefined = undefined;
  /** How many dials were started for it. */
  dials = 0;

  constructor(waiter: Waiter, timedOut: (pending: Pending) => void) {
    this.waiter = waiter;
    this.deadline = new Deadline(this);
    this.#timedOut = timedOut;
  }

  expired(): void {
    this.#timedOut(this);
  }
}
