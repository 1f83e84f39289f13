// Serves the gateway's own paths and checks access to them. Health is public. Details and metrics
// name leases, so on the main listener they require this machine, an address that the operator
// allows, or a caller with the scope `admin`.
import process from 'node:process';
import { GatewayError, internalError } from '../../kernel/errors/gateway-error.ts';
import type { RawHeaders } from '../../kernel/http/http.ts';
import { isForwarding } from '../../kernel/http/removed-headers.ts';
import { pathOf } from '../../kernel/http/target-path.ts';
import { jsonResponse, wholeResponse, type WholeResponse } from '../../kernel/http/whole-response.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { AdminAccess } from '../../pipeline/admin-access.ts';
import { errorsPath } from '../../pipeline/references/errors-url.ts';
import { settleClient } from '../../pipeline/client/settle-client.ts';
import type { Exchange } from '../../pipeline/stage.ts';
import { addressSetSteps } from '../../policy/addresses.ts';
import { compiledInSteps } from '../../policy/compiled.ts';
import { hostNameIn, isLoopbackName } from '../../policy/host-names.ts';
import { errorsPage } from './errors-page.ts';
import { sendResponse } from '../give-answer.ts';
import { healthResponse, type HealthState } from './health.ts';
import type { ClientSink } from './gateway-response.ts';
import { refuseRequest } from '../refusal.ts';

export interface MetricsText {
  readonly contentType: string;
  readonly body: string;
}

/** What the endpoints show beyond the state of the server. */
export interface OwnEndpointsOptions {
  readonly version?: string;
  /** Added to /health/details. */
  readonly details?: () => object;
  readonly metrics?: () => Promise<MetricsText>;
  /** The JWK set that apps use to verify assertions. */
  readonly assertionKeys?: (() => object) | undefined;
  /** Absent: no credential grants access on the main listener. */
  readonly adminAccess?: AdminAccess | undefined;
}

interface ServerState extends HealthState {
  /** Open now. */
  readonly connections: number;
}

/**
 * `public`: the main listener, which shows details only to permitted callers. `open`: shows
 * everything to every client that can connect.
 */
export type ListenerKind = 'public' | 'open';

/** Takes a request that is not for the gateway itself. */
type Elsewhere = (exchange: Exchange, sink: ClientSink) => void;

const detailsPath = '/health/details';
const wellKnown = '/.well-known/portal-gateway/';
const assertionKeysPath = `${wellKnown}jwks.json`;
const allowedOf = compiledInSteps(({ metrics }) => addressSetSteps(metrics.allowedCidrs));

export class BuiltinEndpoints {
  readonly #state: ServerState;
  readonly #clock: Clock;
  readonly #options: OwnEndpointsOptions;

  constructor(state: ServerState, clock: Clock, options: OwnEndpointsOptions) {
    this.#state = state;
    this.#clock = clock;
    this.#options = options;
  }

  /**
   * Returns false if the path is not one of the gateway's, or is hidden from this caller. If only a
   * credential can decide, returns true and passes a request without one to `elsewhere`.
   */
  answer(exchange: Exchange, listener: ListenerKind, sink: ClientSink, elsewhere: Elsewhere): boolean {
    const sent = exchange.req.target;
    // The absolute form contains a path as well (RFC 9112 §3.2.2).
    const target = sent.startsWith('/') ? sent : pathOf(sent);
    const metrics = this.#metricsPath(exchange);
    const { assertionKeys } = exchange.policy.assertion === undefined ? {} : this.#options;
    if (
      !target.startsWith('/health') &&
      !target.startsWith(wellKnown) &&
      (metrics === undefined || !target.startsWith(metrics))
    )
      return false;
    const query = target.indexOf('?');
    const path = query === -1 ? target : target.slice(0, query);
    const isPrivate = path === detailsPath || path === metrics;
    if (isPrivate) {
      if (listener === 'open' || mayReadAll(exchange)) this.#servePrivate(exchange, path, sink);
      else if (this.#options.adminAccess === undefined) return false;
      else this.#askForScope(exchange, path, sink, elsewhere, this.#options.adminAccess);
      return true;
    }
    const open = this.#openAnswer(path, assertionKeys);
    if (open === undefined) return false;
    if (!isRead(exchange)) refuseRequest(exchange, sink, readOnly());
    else sendResponse(exchange, sink, this.#clock, open, path.startsWith(wellKnown) ? 'other' : '/health');
    return true;
  }

  #askForScope(exchange: Exchange, path: string, sink: ClientSink, elsewhere: Elsewhere, ask: AdminAccess): void {
    ask(exchange, (verdict) => {
      if (verdict === 'admin') this.#servePrivate(exchange, path, sink);
      else if (verdict === 'none') elsewhere(exchange, sink);
      else refuseRequest(exchange, sink, verdict);
    });
  }

  #servePrivate(exchange: Exchange, path: string, sink: ClientSink): void {
    if (!isRead(exchange)) refuseRequest(exchange, sink, readOnly());
    else if (path === detailsPath) sendResponse(exchange, sink, this.#clock, this.#details(), '/health');
    else this.#tellMetrics(exchange, sink);
  }

  /** `assertionKeys`: undefined if assertions are disabled. */
  #openAnswer(path: string, assertionKeys: (() => object) | undefined): WholeResponse | undefined {
    if (path === assertionKeysPath && assertionKeys !== undefined) return jsonResponse(200, assertionKeys());
    return path === errorsPath ? errorsPage() : healthResponse(path, this.#state);
  }

  #metricsPath({ policy }: Exchange): string | undefined {
    return policy.metrics.enabled && this.#options.metrics !== undefined ? policy.metrics.path : undefined;
  }

  #details(): WholeResponse {
    const { rss, heapUsed, external } = process.memoryUsage();
    const { draining, uptimeSeconds, connections } = this.#state;
    return jsonResponse(200, {
      status: draining ? 'draining' : this.#state.connected() ? 'healthy' : 'unhealthy',
      version: this.#options.version,
      node: process.version,
      uptime_seconds: uptimeSeconds,
      connections,
      memory: { rss_bytes: rss, heap_used_bytes: heapUsed, external_bytes: external },
      ...this.#options.details?.(),
    });
  }

  #tellMetrics(exchange: Exchange, sink: ClientSink): void {
    this.#metricsAnswer()
      .then((answer) => {
        sendResponse(exchange, sink, this.#clock, answer, '/metrics');
      })
      .catch((cause: unknown) => {
        refuseRequest(exchange, sink, internalError(cause, 'The gateway failed to gather its metrics.'));
      });
  }

  async #metricsAnswer(): Promise<WholeResponse> {
    const { contentType, body } = (await this.#options.metrics?.()) ?? { contentType: 'text/plain', body: '' };
    return wholeResponse(200, contentType, Buffer.from(body));
  }
}

function isRead({ req }: Exchange): boolean {
  return req.method === 'GET' || req.method === 'HEAD';
}

function readOnly(): GatewayError {
  return new GatewayError('method_not_allowed', 'Only GET.', { headers: ['Allow', 'GET, HEAD'] });
}

/**
 * A connection from this machine proves nothing by itself: a local proxy forwards requests of
 * strangers, and a browser those of any page (DNS rebinding). A request that came through a proxy
 * is judged by its client's address, and only if the proxy is trusted to name that client.
 */
function mayReadAll(exchange: Exchange): boolean {
  const { peerIp, policy, req } = exchange;
  const isAllowed = allowedOf(policy);
  settleClient(exchange);
  if (isForwarded(req.headers)) return exchange.clientIp !== peerIp && isAllowed(exchange.clientIp);
  return isAllowed(peerIp) || isLocal(exchange);
}

/**
 * nginx before 1.29.7 uses HTTP/1.0 to its upstreams by default, without a header that names the
 * client.
 */
function isLocal({ loopbackPeer, httpVersion, authority = '' }: Exchange): boolean {
  if (!loopbackPeer || httpVersion === '1.0') return false;
  const host = hostNameIn(authority);
  return host !== undefined && isLoopbackName(host);
}

function isForwarded(headers: RawHeaders): boolean {
  return headers.some((name, i) => i % 2 === 0 && isForwarding(name.toLowerCase()));
}
