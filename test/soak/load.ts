// What a load of the soak is: one kind of hostile behaviour, started once and kept up until the run ends. Loads run together in one
// process of their own (test/helpers/peers/soak-loads.ts); loads/all.ts lists them.
import type { Duplex } from 'node:stream';
import type { Random } from './random.ts';

/** The gateway and its relays: what loads attack. */
export interface Targets {
  readonly gateway: {
    /** Of the TLS listener on 127.0.0.1. */
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
  /** While so many actions are under way, no further one begins. */
  readonly atOnce: number;
  /** An action is aborted after this time. */
  readonly timeoutMs: number;
}

export interface LoadContext extends Targets {
  /** An API key of the load's own, for all leases but that of the honest app. */
  readonly key: string;
  /** Seeded with the run's seed and the load's name. */
  readonly random: Random;
  /** Aborts when the run ends. */
  readonly signal: AbortSignal;
  /** A loopback address of this load's own, so that bounds for each address meet the load and not the honest client. */
  readonly address: (n?: number) => string;
  /** Counters appear in the report. A load that counts nothing fails the run. */
  readonly count: (what: string, by?: number) => void;
  /** Counts a broken promise of the gateway or the relay; any fails the run. */
  readonly broken: (promise: string) => void;
  /** Repeats the action at that pace, with jitter, until the run ends. What it throws is counted by its code. */
  readonly every: (pace: Pace, action: (signal: AbortSignal) => Promise<void> | void) => void;
  /** Publishes an app on our relay, from an address of the load's own. Resolves once the gateway serves it. */
  readonly publish: (name: string, serve: (tunnel: Duplex) => void) => Promise<void>;
  /** Runs when the load stops, last first. */
  readonly defer: (close: () => void) => void;
}

export interface Load {
  readonly name: string;
  /** What it does and how fast, for the report. */
  readonly rate: string;
  start(context: LoadContext): Promise<void> | void;
}
