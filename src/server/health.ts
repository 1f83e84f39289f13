// Owns what /health and its kin say. Asks two questions of the gateway, and knows nothing else of it.

export interface HealthState {
  readonly draining: boolean;
  /** At least one relay is connected. */
  connected(): boolean;
  readonly uptimeSeconds: number;
}

export interface HealthAnswer {
  readonly status: 200 | 503;
  readonly headers: readonly string[];
  readonly body: Buffer;
}

/** Undefined: not a health path. */
export function healthAnswer(target: string, state: HealthState): HealthAnswer | undefined {
  if (!target.startsWith('/health')) return undefined;
  const query = target.indexOf('?');
  switch (query === -1 ? target : target.slice(0, query)) {
    case '/health':
      return state.connected()
        ? answer(200, { status: 'healthy', uptime_seconds: state.uptimeSeconds })
        : answer(503, { status: 'unhealthy', reason: 'portal_disconnected' });
    case '/health/live':
      return answer(200, { status: 'live' });
    case '/health/ready':
      if (state.draining) return answer(503, { status: 'not_ready', reason: 'draining' });
      if (!state.connected()) return answer(503, { status: 'not_ready', reason: 'portal_disconnected' });
      return answer(200, { status: 'ready' });
    default:
      return undefined;
  }
}

function answer(status: 200 | 503, value: object): HealthAnswer {
  const body = Buffer.from(`${JSON.stringify(value)}\n`);
  const headers = [
    'Content-Type',
    'application/json',
    'Content-Length',
    String(body.length),
    'Cache-Control',
    'no-store',
  ];
  return { status, headers, body };
}
