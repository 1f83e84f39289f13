// Events of relays: their connections, clocks and lease lists, and the tunnels that are dialled
// through them.
import { type EventChannel, eventChannel } from './event-channel.ts';

export type RelayChanged =
  | { readonly event: 'connected'; readonly relay: string }
  | { readonly event: 'lost'; readonly relay: string; readonly code: string; readonly reason: string }
  | {
      readonly event: 'attempt_failed';
      readonly relay: string;
      readonly code: string;
      readonly reason: string;
      readonly retryInMs: number;
    };

/** The connection to a relay was established, was lost, or could not be established. */
export const relayChanged: EventChannel<RelayChanged> = eventChannel('relay-changed');

export interface ClockCompared {
  readonly relay: string;
  /** The app whose clock was compared with ours. Undefined: the relay's clock. */
  readonly leaseId: string | undefined;
  /** Our clock minus the other clock. */
  readonly skewSeconds: number;
}

/**
 * The relay's clock was compared with ours, whatever the result, or a handshake failed because the
 * app's clock differs too much.
 */
export const clockCompared: EventChannel<ClockCompared> = eventChannel('clock-compared');

export interface DialFinished {
  readonly relay: string;
  readonly leaseId: string;
  /** `ok`, the error code that callers receive, or `aborted` if no request was waiting any more. */
  readonly outcome: string;
  readonly durationMs: number;
}

/** A tunnel to an app was opened, or could not be opened. */
export const dialFinished: EventChannel<DialFinished> = eventChannel('dial-finished');

export interface LeaseMoved {
  readonly name: string;
  /** Ids that the name led to before. */
  readonly from: readonly string[];
  /** The new id. */
  readonly to: string;
}

/**
 * A relay lists a name with an id that it did not have before: an app with a new identity, or
 * another app.
 */
export const leaseMoved: EventChannel<LeaseMoved> = eventChannel('lease-moved');

export interface LeaseNameRefused {
  readonly relays: readonly string[];
  /** The name as listed. */
  readonly name: string;
  /** The id that is listed under the name but not accepted for it. */
  readonly leaseId: string;
  /** The id that holds the name. Undefined: no accepted id is listed. */
  readonly holder: string | undefined;
}

/**
 * A relay lists a lease under a name that belongs to another one. Published once for as long
 * as this lasts.
 */
export const leaseNameRefused: EventChannel<LeaseNameRefused> = eventChannel('lease-name-refused');

export interface LeaseMissed {
  readonly requestId: string;
  /** The name as requested. */
  readonly name: string;
  /** A name in the rules or in a lease list that differs by typing errors. */
  readonly near: string;
}

/** A request named a lease that is in no rule and no list, but another one has nearly its name. */
export const leaseMissed: EventChannel<LeaseMissed> = eventChannel('lease-missed');

export interface LeasesListed {
  readonly relay: string;
  readonly leases: number;
  /** Number of unused entries of the list, by reason. */
  readonly ignored: ReadonlyMap<string, number>;
}

/** A lease list has arrived from a relay. */
export const leasesListed: EventChannel<LeasesListed> = eventChannel('leases-listed');

export interface LeaseListFailed {
  readonly relay: string;
  readonly code: string;
  readonly reason: string;
}

/** A lease list could not be fetched; the last one stays in use. */
export const leaseListFailed: EventChannel<LeaseListFailed> = eventChannel('lease-list-failed');
