// Decides whether the caller of one of the gateway's private paths has the scope `admin`. Runs the
// same stages as requests to a lease, so that address rules, rate limits and throttles apply here
// too.
import { GatewayError } from '../kernel/errors/gateway-error.ts';
import type { Sink } from '../kernel/http/http.ts';
import { compose } from './compose.ts';
import type { Dispatch, Exchange, Stage } from './stage.ts';

/**
 * `none`: the request carries no credential of this gateway. An error: the response to the request.
 */
export type AdminVerdict = 'admin' | 'none' | GatewayError;

/** Calls `decided` once, possibly later. */
export type AdminAccess = (exchange: Exchange, decided: (verdict: AdminVerdict) => void) => void;

/** `stages`: those up to and including authentication. */
export function adminAccess(stages: readonly Stage[]): AdminAccess {
  return (exchange, decided) => {
    const terminal: Dispatch = ({ principal }) => {
      if (principal === undefined || principal.kind === 'anonymous') decided('none');
      else decided(principal.scopes.includes('admin') ? 'admin' : insufficient());
    };
    compose(stages, terminal)(exchange, verdictSink(decided));
  };
}

/** Stages before the terminal only respond by failing. */
function verdictSink(decided: (verdict: AdminVerdict) => void): Sink {
  const unexpected = (): never => {
    throw new Error('a stage before authentication responded to a request for the gateway itself');
  };
  return {
    informational: unexpected,
    head: unexpected,
    data: unexpected,
    end: unexpected,
    upgrade: unexpected,
    fail: (error) => {
      decided(error.code === 'missing_credentials' ? 'none' : error);
    },
  };
}

function insufficient(): GatewayError {
  return new GatewayError('insufficient_scope', 'This needs the scope admin, which the credential lacks.', {
    headers: ['WWW-Authenticate', 'Bearer realm="portal-gateway", error="insufficient_scope", scope="admin"'],
  });
}
