// Owns the question that the server must ask before it answers a path itself: whether every path belongs to an app, because the
// request came to a lease's host (contract §2).
import { matchHost } from '../route/lease-host.ts';
import { settleClient } from './client/settle-client.ts';
import type { Exchange } from './stage.ts';

export function isForApp(exchange: Exchange): boolean {
  const { baseDomain } = exchange.policy;
  if (baseDomain === '') return false;
  settleClient(exchange);
  return matchHost(exchange.authority ?? '', baseDomain).kind !== 'gateway';
}
