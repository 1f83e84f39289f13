// Events of the relay: one flat record each, fit for a log line. Names and ids in them were chosen
// by untrusted peers.

export type LeaseDropReason = 'expired' | 'deleted' | 'connection_lost' | 'moved';

export type RelayEvent =
  | { readonly event: 'listening'; readonly url: string }
  | { readonly event: 'connection_refused'; readonly remote: string; readonly status: number }
  | { readonly event: 'connected'; readonly connection: number; readonly remote: string }
  | { readonly event: 'disconnected'; readonly connection: number; readonly remote: string; readonly reason: string }
  | { readonly event: 'lease_registered'; readonly connection: number; readonly leaseId: string; readonly name: string }
  | {
      readonly event: 'lease_refused';
      readonly connection: number;
      readonly leaseId: string;
      readonly reason: string;
      /** The relay's clock minus the app's, if that is the reason. */
      readonly skewSeconds?: number;
    }
  | {
      readonly event: 'lease_dropped';
      readonly leaseId: string;
      readonly name: string;
      readonly reason: LeaseDropReason;
    }
  | { readonly event: 'dial_refused'; readonly connection: number; readonly leaseId: string; readonly reason: string }
  | { readonly event: 'forwarding'; readonly connection: number; readonly leaseId: string; readonly clientId: string }
  | {
      readonly event: 'forwarded';
      readonly connection: number;
      readonly leaseId: string;
      readonly clientId: string;
      readonly bytesFromClient: number;
      readonly bytesFromApp: number;
      readonly outcome: 'ended' | 'aborted';
    }
  | { readonly event: 'stream_refused'; readonly connection: number; readonly reason: string };

export type RelayLog = (event: RelayEvent) => void;
