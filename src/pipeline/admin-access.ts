// Decides whether the caller of one of the gateway's own private paths has the scope `admin`. The same stages as in front of a lease, so
// that address rules, rate limits and throttles hold here too.
import { GatewayError } from '../kernel/errors/gateway-error.ts';
import type { Sink } from '../kernel/http/http.ts';
import { compose } from './compose.ts';
import type { Dispatch, Exchange, Stage } from './stage.ts';

/** `none`: the request carries no credential of ours. An error: the response to the request. */
export type AdminVerdict = 'admin' | 'none' | GatewayError;

/** Calls `decided` once, perhaps later. */
export type AdminAccess = (exchange: Exchange, decided: (verdict: AdminVerdict) => void) => void;

/** `stages`: up to and including authentication. */
export function adminAccess(stages: readonly Stage[]): AdminAccess {
  return (exchange, decided) => {
    const terminal: Dispatch = ({ principal }) => {
      if (principal === undefined || principal.kind === 'anonymous') decided('none');
      else decided(principal.scopes.includes('admin') ? 'admin' : insufficient());
    };
    compose(stages, terminal)(exchange, verdictSink(decided));
  };
}

/** Stages before the terminal respond only by failing. */
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
