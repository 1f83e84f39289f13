// Owns the channels on which the request path tells what happened, and the shapes of what it tells. Who listens is unknown here;
// who tells asks `hasSubscribers` first, so that silence is free.
import { channel, type Channel } from 'node:diagnostics_channel';
import type { GatewayError } from './errors.ts';

export interface ConfigReloaded {
  readonly outcome: 'applied' | 'rejected';
}

/** A configuration was loaded anew. The message is a ConfigReloaded. */
export const configReloaded: Channel = channel('portal-gateway:config-reloaded');

export interface RequestFailed {
  readonly requestId: string;
  readonly error: GatewayError;
}

/** A request that the gateway answered with a problem, or whose answer it cut. The message is a RequestFailed. */
export const requestFailed: Channel = channel('portal-gateway:request-failed');

export interface ConnectionRefused {
  /** As far as it is known: of the proxy, when what the proxy said was not to be understood. */
  readonly ip: string;
  readonly reason: 'max_connections' | 'max_connections_per_ip' | 'proxy_protocol';
}

/** A connection that was closed before a request could be read from it. The message is a ConnectionRefused. */
export const connectionRefused: Channel = channel('portal-gateway:connection-refused');
