// The calls that the gateway of `dev` rejects, as lines for its user, who is the operator as well:
// which call, why, and what to call instead. Prints nothing about calls that reach the app, which
// have lines of their own.
import type { ErrorCode } from '../../kernel/errors/error-table.ts';
import type { GatewayError } from '../../kernel/errors/gateway-error.ts';
import { listen, requestFinished, requestRefused } from '../../kernel/events.ts';
import { printable } from '../../kernel/printable.ts';
import { LineBudget } from '../expose/line-budget.ts';
import { localTime } from '../expose/request-lines.ts';
import { shownRequest } from '../expose/shown-request.ts';
import type { Clock } from '../../kernel/clock.ts';

/** A burst holds what a page loads; more often than once a second, nobody reads it. */
const rate = { maxLines: 50, refillMs: 1_000 };

/** The one lease that the gateway serves, and the key to it. */
export interface ServedLease {
  readonly name: string;
  readonly url: string;
  readonly pathUrl: string;
}

/** What to do, where the problem that the caller gets refers to an operator, or to a key. */
const advice: Partial<Readonly<Record<ErrorCode, (lease: ServedLease) => string>>> = {
  not_found: elsewhere,
  lease_not_found: elsewhere,
  access_denied: elsewhere,
  missing_credentials: () => 'it has no key: send the key printed above, as the line `try` does',
  invalid_credentials: () => 'its key is mistyped, or not the one printed above: every start makes a new one',
};

function elsewhere({ name, url, pathUrl }: ServedLease): string {
  return `this gateway serves one lease, "${printable(name)}", at ${pathUrl} and ${url}`;
}

/** Returns a function that stops it. */
export function noteRejectedCalls(lease: ServedLease, note: (line: string) => void, clock: Clock): () => void {
  const budget = new LineBudget(clock.monotonicMs(), rate);
  const add = (error: GatewayError, method: string, path: string): void => {
    const omitted = budget.take(clock.monotonicMs());
    if (omitted === undefined) return;
    const request = shownRequest(method, path);
    const why = advice[error.code]?.(lease) ?? printable(error.message, maxReasonCharacters).replace(/\.$/, '');
    const more = omitted === 0 ? '' : ` (${omitted} more rejected since the last such line)`;
    const time = localTime(clock.wallMs());
    note(`${time} ${request.method} ${request.path} ${error.status} ${error.code}: ${why}${more}`);
  };
  const ends = [
    listen(requestFinished, ({ error, upstreamMs, headMs, method, path }) => {
      if (error === undefined || error.code === 'client_closed') return;
      if (upstreamMs === undefined && headMs === undefined) add(error, method, path);
    }),
    listen(requestRefused, ({ error, method = '', path = '' }) => {
      add(error, method, path);
    }),
  ];
  return () => {
    for (const end of ends) end();
  };
}

const maxReasonCharacters = 400;
