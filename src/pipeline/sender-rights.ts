// Headers that the sender of a request may pass to the app although other clients may not, see
// docs/guides/request-headers.md.
import { missingScope } from '../guard/scopes.ts';
import { compiled } from '../policy/compiled.ts';
import type { SenderRights } from '../upstream/request-headers.ts';
import { isFromTrustedProxy } from './client/resolve-client.ts';
import type { Exchange } from './stage.ts';

const forwardableOf = compiled(({ forwardHeaders }): ReadonlySet<string> => new Set(forwardHeaders));
const none: ReadonlySet<string> = new Set();

export function rightsOf(exchange: Exchange): SenderRights {
  const { principal, policy } = exchange;
  return {
    forwardable: policy.forwardHeaders.length > 0 && isFromTrustedProxy(exchange) ? forwardableOf(policy) : none,
    // An unknown method needs the scope for methods that change something.
    mayOverride: (method) =>
      principal !== undefined && missingScope(principal, method.trim().toUpperCase(), false, []) === undefined,
  };
}
