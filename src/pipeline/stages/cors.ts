// Owns that browsers learn who may call from which site, before anybody is asked who they are: a preflight carries no credential
// (contract §2). Where a lease has no CORS, OPTIONS is a request like any other and the app's own fields pass.
import { CorsRules } from '../../guard/cors.ts';
import type { Flow, RawHeaders } from '../../kernel/http.ts';
import { compiled } from '../../policy/compiled.ts';
import { leaseSettings } from '../../policy/lease-settings.ts';
import type { CorsPolicy } from '../../policy/policy.ts';
import type { LeaseDirectory } from '../../route/lease-directory.ts';
import type { Lease, Transport } from '../../upstream/transport.ts';
import { answerNoContent } from '../own-answer.ts';
import { PassingSink } from '../passing-sink.ts';
import type { Dispatch, Exchange, Stage } from '../stage.ts';

type Directory = Pick<LeaseDirectory<Lease, Transport>, 'known'>;

export function cors(directory: Directory): Stage {
  const isUsed = compiled(
    ({ cors: general, leases }) => general.enabled || Object.values(leases).some((lease) => lease.cors.enabled),
  );
  const compiledRules = new WeakMap<CorsPolicy, CorsRules>();

  function rulesFor(exchange: Exchange): CorsRules | undefined {
    if (!isUsed(exchange.policy)) return undefined;
    const settings = corsOf(exchange, directory);
    if (settings === undefined) return undefined;
    let rules = compiledRules.get(settings);
    if (rules === undefined) {
      rules = new CorsRules(settings);
      compiledRules.set(settings, rules);
    }
    return rules;
  }

  return function corsStage(next): Dispatch {
    return function shareWithPages(exchange, sink) {
      const rules = rulesFor(exchange);
      if (rules === undefined) {
        next(exchange, sink);
        return;
      }
      const { method, headers } = exchange.req;
      const origin = only(headers, 'origin');
      const asked = method === 'OPTIONS' ? only(headers, 'access-control-request-method') : undefined;
      if (origin !== undefined && asked !== undefined) {
        const names = only(headers, 'access-control-request-headers') ?? '';
        answerNoContent(sink, rules.preflight(origin, { method: asked, headers: names }));
        return;
      }
      // Whoever makes the answer: a page must be able to read a refusal too.
      exchange.answerHeaders.push(...rules.answer(origin));
      next(exchange, new OwnCorsSink(sink));
    };
  };
}

/** The lease is not looked up yet: what the directory knows at once is enough, and no relay is asked for a preflight. */
function corsOf({ policy, route }: Exchange, directory: Directory): CorsPolicy | undefined {
  const named = route?.lease ?? '';
  const lease = directory.known(named);
  const own = leaseSettings(policy).find(lease?.id ?? named, lease?.name ?? named)?.cors;
  return own ?? (policy.cors.enabled ? policy.cors : undefined);
}

/** Undefined where there is none, or more than one to choose from. */
function only(headers: RawHeaders, wanted: string): string | undefined {
  let found: string | undefined;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? '';
    if (name.length !== wanted.length || name.toLowerCase() !== wanted) continue;
    if (found !== undefined) return undefined;
    found = headers[i + 1] ?? '';
  }
  return found;
}

/** Takes out what the app says of the same: two answers to one question, and browsers refuse both. */
class OwnCorsSink extends PassingSink {
  override head(status: number, headers: RawHeaders, flow: Flow): void {
    this.sink.head(status, headers.some(isAppsCors) ? withoutCors(headers) : headers, flow);
  }
}

/** Which of its fields a page may read is only the app's to know, and may be told twice. */
function isCors(name: string): boolean {
  const lower = name.toLowerCase();
  return lower.startsWith('access-control-') && lower !== 'access-control-expose-headers';
}

function isAppsCors(text: string, i: number): boolean {
  return i % 2 === 0 && isCors(text);
}

function withoutCors(headers: RawHeaders): RawHeaders {
  return headers.filter((_, i) => !isCors(headers[i - (i % 2)] ?? ''));
}
