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
