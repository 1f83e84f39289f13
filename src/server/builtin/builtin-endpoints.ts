// The gateway's own endpoints: finds one by its path, and makes its response. Does not decide who
// may read it.
import process from 'node:process';
import { internalError } from '../../kernel/errors/gateway-error.ts';
import { pathOf } from '../../kernel/http/target-path.ts';
import { jsonResponse, wholeResponse, type WholeResponse } from '../../kernel/http/whole-response.ts';
import { errorsPath } from '../../kernel/errors/errors-path.ts';
import type { Exchange } from '../../pipeline/stage.ts';
import type { Endpoint, Endpoints } from '../../pipeline/stages/builtin-endpoints.ts';
import type { Policy } from '../../policy/policy.ts';
import { errorsPage } from './errors-page.ts';
import { healthResponse, type HealthState } from './health.ts';

export interface MetricsText {
  readonly contentType: string;
  readonly body: string;
}

interface ServerState {
  readonly draining: boolean;
  readonly uptimeSeconds: number;
  /** Open now. */
  readonly connections: number;
}

/** What the endpoints show. */
export interface BuiltinEndpointsOptions {
  readonly server: () => ServerState;
  /** At least one relay is connected. */
  readonly connected: () => boolean;
  /** A lease list has arrived from a relay. */
  readonly listed: () => boolean;
  readonly version?: string | undefined;
  /** Added to /health/details. */
  readonly details?: () => object;
  /** Content of metrics.path; without it the path does not exist. */
  readonly metrics?: (() => Promise<MetricsText>) | undefined;
  /** The JWK set that apps use to verify assertions. */
  readonly assertionKeys?: (() => object) | undefined;
}

const detailsPath = '/health/details';
const wellKnown = '/.well-known/portal-gateway/';
const assertionKeysPath = `${wellKnown}jwks.json`;

export class BuiltinEndpoints implements Endpoints {
  readonly #options: BuiltinEndpointsOptions;

  constructor(options: BuiltinEndpointsOptions) {
    this.#options = options;
  }

  find({ req, policy }: Pick<Exchange, 'req' | 'policy'>): Endpoint | undefined {
    // The absolute form contains a path as well (RFC 9112 §3.2.2).
    const target = req.target.startsWith('/') ? req.target : pathOf(req.target);
    const metrics = this.#metricsPath(policy);
    if (
      !target.startsWith('/health') &&
      !target.startsWith(wellKnown) &&
      (metrics === undefined || !target.startsWith(metrics))
    )
      return undefined;
    const query = target.indexOf('?');
    const path = query === -1 ? target : target.slice(0, query);
    if (path === detailsPath) return { route: '/health', isPrivate: true, respond: () => this.#details() };
    if (path === metrics) return { route: '/metrics', isPrivate: true, respond: () => this.#metrics() };
    const open = this.#openResponse(path, policy);
    const route = path.startsWith(wellKnown) ? 'other' : '/health';
    return open && { route, isPrivate: false, respond: () => open };
  }

  #openResponse(path: string, policy: Policy): WholeResponse | undefined {
    const { assertionKeys } = this.#options;
    if (path === assertionKeysPath && assertionKeys !== undefined && policy.assertion !== undefined) {
      return jsonResponse(200, assertionKeys());
    }
    return path === errorsPath ? errorsPage() : healthResponse(path, this.#health());
  }

  #metricsPath({ metrics }: Policy): string | undefined {
    return metrics.enabled && this.#options.metrics !== undefined ? metrics.path : undefined;
  }

  #health(): HealthState {
    const { server, connected, listed } = this.#options;
    const { draining, uptimeSeconds } = server();
    return { draining, uptimeSeconds, connected: connected(), listed: listed() };
  }

  #details(): WholeResponse {
    const { rss, heapUsed, external } = process.memoryUsage();
    const { server, connected } = this.#options;
    const { draining, uptimeSeconds, connections } = server();
    return jsonResponse(200, {
      status: draining ? 'draining' : connected() ? 'healthy' : 'unhealthy',
      version: this.#options.version,
      node: process.version,
      uptime_seconds: uptimeSeconds,
      connections,
      memory: { rss_bytes: rss, heap_used_bytes: heapUsed, external_bytes: external },
      ...this.#options.details?.(),
    });
  }

  async #metrics(): Promise<WholeResponse> {
    try {
      const { contentType, body } = (await this.#options.metrics?.()) ?? { contentType: 'text/plain', body: '' };
      return wholeResponse(200, contentType, Buffer.from(body));
    } catch (cause) {
      throw internalError(cause, 'The gateway failed to collect its metrics.');
    }
  }
}
