// Decides who may read the gateway's private endpoints on the main listener: clients on this
// machine, at an address that the operator allows, or with a credential of the scope `admin`.
import { insufficientScope } from '../auth/credential-errors.ts';
import type { GatewayError } from '../kernel/errors/gateway-error.ts';
import type { RawHeaders, Sink } from '../kernel/http/http.ts';
import { isForwarding } from '../kernel/http/removed-headers.ts';
import { addressSetSteps } from '../policy/addresses.ts';
import { compiledInSteps } from '../policy/compiled.ts';
import { hostNameIn, isLoopbackName } from '../policy/host-names.ts';
import { resolveClient } from './client/resolve-client.ts';
import { compose } from './compose.ts';
import type { Dispatch, Exchange, Stage } from './stage.ts';

/**
 * `stranger`: the request carries no credential of this gateway. An error: the response to the
 * request.
 */
export type OperatorVerdict = 'operator' | 'stranger' | GatewayError;

/** Calls `decided` once, possibly later. */
export type OperatorAccess = (exchange: Exchange, decided: (verdict: OperatorVerdict) => void) => void;

/**
 * `stages`: those up to and including authentication. They are the same as for requests to a lease,
 * so that address rules, rate limits and throttles apply here too.
 */
export function operatorAccess(stages: readonly Stage[]): OperatorAccess {
  return (exchange, decided) => {
    if (isOperatorAddress(exchange)) {
      decided('operator');
      return;
    }
    const terminal: Dispatch = ({ principal }) => {
      if (principal === undefined || principal.kind === 'anonymous') decided('stranger');
      else decided(principal.scopes.includes('admin') ? 'operator' : insufficient());
    };
    compose(stages, terminal)(exchange, verdictSink(decided));
  };
}

const allowedOf = compiledInSteps(({ metrics }) => addressSetSteps(metrics.allowedCidrs));

/**
 * A connection from this machine proves nothing by itself: a local proxy forwards requests of
 * strangers, and a browser those of any page (DNS rebinding). A request that came through a proxy
 * is judged by its client's address, and only if the proxy is trusted to name that client.
 */
function isOperatorAddress(exchange: Exchange): boolean {
  const { peerIp, policy, req } = exchange;
  const isAllowed = allowedOf(policy);
  resolveClient(exchange);
  if (isForwarded(req.headers)) return exchange.clientIp !== peerIp && isAllowed(exchange.clientIp);
  return isAllowed(peerIp) || isLocalRequest(exchange);
}

/**
 * nginx before 1.29.7 uses HTTP/1.0 to its upstreams by default, without a header that names the
 * client.
 */
function isLocalRequest({ loopbackPeer, httpVersion, authority = '' }: Exchange): boolean {
  if (!loopbackPeer || httpVersion === '1.0') return false;
  const host = hostNameIn(authority);
  return host !== undefined && isLoopbackName(host);
}

function isForwarded(headers: RawHeaders): boolean {
  return headers.some((name, i) => i % 2 === 0 && isForwarding(name.toLowerCase()));
}

/** Stages before the terminal only respond by failing. */
function verdictSink(decided: (verdict: OperatorVerdict) => void): Sink {
  const unexpected = (): never => {
    throw new Error('a stage before authentication responded to a request for the gateway itself');
  };
  return {
    informational: unexpected,
    respond: unexpected,
    head: unexpected,
    data: unexpected,
    end: unexpected,
    upgrade: unexpected,
    fail: (error) => {
      decided(error.code === 'missing_credentials' ? 'stranger' : error);
    },
  };
}

function insufficient(): GatewayError {
  return insufficientScope('This needs the scope admin, which the credential lacks: use one that has it.', 'admin');
}
