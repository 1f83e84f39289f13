// The events of a relay client: its connection, its published leases, and the relay's clock.
import type { ClientRefusal } from './publishing/accept.ts';
import type { PortalError } from './errors.ts';

export type RelayClientEvent =
  | { readonly type: 'up'; readonly relay: string }
  | { readonly type: 'down'; readonly relay: string; readonly error: PortalError }
  | { readonly type: 'attempt_failed'; readonly relay: string; readonly error: PortalError; readonly retryInMs: number }
  | { readonly type: 'published'; readonly relay: string; readonly leaseId: string; readonly name: string }
  /**
   * Another process publishes the lease with the same identity, and the relay lists it until
   * `expiresAtMs`. Sent for each list that shows it.
   */
  | {
      readonly type: 'lease_contested';
      readonly relay: string;
      readonly leaseId: string;
      readonly name: string;
      readonly expiresAtMs: number;
    }
  | { readonly type: 'publish_failed'; readonly relay: string; readonly name: string; readonly error: PortalError }
  /**
   * `skewMs`: the clock of this machine minus the relay's. Sent once a minute if the relay's
   * responses have a Date.
   */
  | { readonly type: 'clock_measured'; readonly relay: string; readonly skewMs: number }
  /** Sent for each refused connection. */
  | ({ readonly type: 'client_refused'; readonly relay: string; readonly name: string } & ClientRefusal);
