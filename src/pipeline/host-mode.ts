// Whether every path of a request belongs to an app, because it was sent to the host of a lease.
// The server checks this before it handles a path itself.
import { matchHost } from '../route/lease-host.ts';
import { settleClient } from './client/settle-client.ts';
import type { Exchange } from './stage.ts';

export function isForApp(exchange: Exchange): boolean {
  const { baseDomain } = exchange.policy;
  if (baseDomain === '') return false;
  settleClient(exchange);
  return matchHost(exchange.authority ?? '', baseDomain).kind !== 'gateway';
}
