// The gateway's metrics at the end of a soak.
import { parseExposition, valueOf } from '../helpers/exposition.ts';

export interface GatewayCounters {
  readonly activeRequests: number;
  readonly internalErrors: number;
}

/** For a gateway that does not respond. */
export const unreadable: GatewayCounters = { activeRequests: Infinity, internalErrors: Infinity };

export function gatewayCounters(exposition: string): GatewayCounters {
  const families = parseExposition(exposition);
  const errors = families.get('portal_gateway_errors_total')?.samples ?? [];
  return {
    activeRequests: valueOf(families, 'portal_gateway_active_requests') ?? Infinity,
    internalErrors: errors
      .filter(({ labels }) => labels['type'] === 'internal_error')
      .reduce((sum, { value }) => sum + value, 0),
  };
}
