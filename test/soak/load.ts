// The interface of a load: one kind of hostile behaviour, started once and kept up until the run
// ends. Loads run together in their own process (test/helpers/peers/soak-loads.ts); loads/all.ts
// lists them.
import type { Duplex } from 'node:stream';
import type { Random } from './random.ts';

/** The gateway and its relays: the targets of loads. */
export interface Targets {
  readonly gateway: {
    /** Port of the TLS listener on 127.0.0.1. */
    readonly port: number;
    readonly pid: number;
    /** The certificate to trust, for `localhost`. */
    readonly ca: string;
  };
  /** Our relay, with the honest app on it. */
  readonly relay: { readonly url: string; readonly port: number };
  /** The gateway's second relay connects here; a load plays that relay. */
  readonly secondRelayPort: number;
}

export interface Pace {
  readonly perSecond: number;
  /** No further action begins while this many are running. */
  readonly atOnce: number;
  /** Aborts an action after this time. */
  readonly timeoutMs: number;
}

export interface LoadContext extends Targets {
  /** An API key for this load only, valid for all leases except that of the honest app. */
  readonly key: string;
  /** Seeded with the run's seed and the load's name. */
  readonly random: Random;
  /** Aborts when the run ends. */
  readonly signal: AbortSignal;
  /**
   * A loopback address for this load only, so that per-address limits affect the load and not the
   * honest client.
   */
  readonly address: (n?: number) => string;
  /** Increments a counter of the report. A load that counts nothing fails the run. */
  readonly count: (what: string, by?: number) => void;
  /** Counts a broken promise of the gateway or the relay; any of them fails the run. */
  readonly broken: (promise: string) => void;
  /**
   * Repeats the action at that pace, with jitter, until the run ends. Errors that it throws are
   * counted by code.
   */
  readonly every: (pace: Pace, action: (signal: AbortSignal) => Promise<void> | void) => void;
  /**
   * Publishes an app on our relay, from an address of this load. Resolves when the gateway serves
   * it.
   */
  readonly publish: (name: string, serve: (tunnel: Duplex) => void) => Promise<void>;
  /** Registers a function that runs when the load stops, in reverse order. */
  readonly defer: (close: () => void) => void;
}

export interface Load {
  readonly name: string;
  /** Description and pace, for the report. */
  readonly rate: string;
  start(context: LoadContext): Promise<void> | void;
}
