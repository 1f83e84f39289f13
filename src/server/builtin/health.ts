// The public responses of /health, /health/live and /health/ready.
import { jsonResponse, type WholeResponse } from '../../kernel/http/whole-response.ts';

export interface HealthState {
  readonly draining: boolean;
  readonly uptimeSeconds: number;
  /** At least one relay is connected. */
  readonly connected: boolean;
  /** A lease list has arrived from a relay. */
  readonly listed: boolean;
}

/** Undefined: not a health path. */
export function healthResponse(path: string, state: HealthState): WholeResponse | undefined {
  switch (path) {
    case '/health':
      return state.connected
        ? jsonResponse(200, { status: 'healthy', uptime_seconds: state.uptimeSeconds })
        : jsonResponse(503, { status: 'unhealthy', reason: 'portal_disconnected' });
    case '/health/live':
      return jsonResponse(200, { status: 'live' });
    case '/health/ready':
      if (state.draining) return jsonResponse(503, { status: 'not_ready', reason: 'draining' });
      if (!state.connected) return jsonResponse(503, { status: 'not_ready', reason: 'portal_disconnected' });
      if (!state.listed) return jsonResponse(503, { status: 'not_ready', reason: 'no_lease_list' });
      return jsonResponse(200, { status: 'ready' });
    default:
      return undefined;
  }
}
