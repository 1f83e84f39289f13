// Owns which quotas a request counts in, and what its caller is told of them. Whether one is used up is guard/'s.
import { QuotaCalendar } from '../../limits/quotas/quota-calendar.ts';
import type { QuotaCharge, QuotaState, QuotaVerdict, Resource } from '../../limits/quotas/quota.ts';
import { GatewayError } from '../../kernel/errors/gateway-error.ts';
import { entriesOf } from '../../kernel/work/large-records.ts';
import type { Steps } from '../../kernel/work/slices.ts';
import { compiledInSteps } from '../../policy/compiled.ts';
import { ownValue } from '../../policy/own-value.ts';
import type { QuotaPolicy } from '../../policy/policy.ts';
import type { Exchange } from '../stage.ts';

type Quotas = Omit<KeyQuota, 'key'>;

export interface KeyQuota extends QuotaCharge {
  /** Bytes or tokens are limited, so they are counted. */
  readonly bytes: boolean;
  readonly llmTokens: boolean;
}

type QuotasOfKey = (key: string) => Quotas | undefined;

const quotasOf = compiledInSteps(function* ({ quotas: { timeZone, daily, monthly } }): Steps<QuotasOfKey> {
  const calendar = new QuotaCalendar(timeZone);
  const known = new Map<string, Quotas | undefined>();
  for (const limits of [daily, monthly]) {
    for (const [name] of entriesOf(limits)) {
      yield;
      if (!known.has(name)) known.set(name, quotasFrom(calendar, named(daily, name), named(monthly, name)));
    }
  }
  const others = quotasFrom(calendar, ownValue(daily, '*'), ownValue(monthly, '*'));
  return (key: string) => (known.has(key) ? known.get(key) : others);
});

/** Undefined: its caller has none. */
export function quotaOf({ principal, policy }: Exchange): KeyQuota | undefined {
  if (principal === undefined || principal.kind === 'anonymous') return undefined;
  const quotas = quotasOf(policy)(principal.id);
  return quotas && { key: principal.id, ...quotas };
}

export function tellQuotas({ answerHeaders }: Exchange, { states }: QuotaVerdict): void {
  answerHeaders.push(...fieldsOf(states));
}

const fieldNames: Readonly<Record<Resource, string>> = {
  requests: 'requests',
  bytes: 'bytes',
  llmTokens: 'llm-tokens',
};

/** Quota units of draft-ietf-httpapi-ratelimit-headers; requests are what is meant without one. The last one is ours. */
const units: Readonly<Record<Resource, string>> = {
  requests: '',
  bytes: ';qu="content-bytes"',
  llmTokens: ';qu="llm-tokens"',
};

/** In the fields of the rate limit, of which there may be several: `"daily-requests";q=1000;w=86400`. */
function fieldsOf(states: readonly QuotaState[]): string[] {
  const nameOf = ({ kind, resource }: QuotaState): string => `"${kind}-${fieldNames[resource]}"`;
  const policies = states.map(
    (state) => `${nameOf(state)};q=${state.limit};w=${seconds(state.windowMs)}${units[state.resource]}`,
  );
  const left = states.map((state) => `${nameOf(state)};r=${state.remaining};t=${seconds(state.resetMs)}`);
  return ['RateLimit-Policy', policies.join(', '), 'RateLimit', left.join(', ')];
}

const resourceWords: Readonly<Record<Resource, string>> = {
  requests: 'requests',
  bytes: 'bytes',
  llmTokens: 'tokens of language models',
};

export function quotaRefusal({ kind, resource, resetMs }: QuotaState): GatewayError {
  return new GatewayError(
    'quota_exceeded',
    `The ${kind} quota of this key, in ${resourceWords[resource]}, is used up.`,
    {
      retryAfterSeconds: Math.max(1, seconds(resetMs)),
    },
  );
}

/** `state`: the quota whose end brings the key back. */
export function unreportedRefusal({ resetMs }: QuotaState): GatewayError {
  return new GatewayError(
    'quota_exceeded',
    'An earlier response of this lease did not report the tokens that it took, as streams do without `stream_options.include_usage`. This key may not call the lease until its quota period ends.',
    { retryAfterSeconds: Math.max(1, seconds(resetMs)) },
  );
}

function seconds(ms: number): number {
  return Math.ceil(ms / 1000);
}

/** A name has one of its own, or what all others have: for each of the two by itself. */
function named(quotas: Readonly<Record<string, QuotaPolicy>>, name: string): QuotaPolicy | undefined {
  return ownValue(quotas, name) ?? ownValue(quotas, '*');
}

function quotasFrom(
  calendar: QuotaCalendar,
  daily: QuotaPolicy | undefined,
  monthly: QuotaPolicy | undefined,
): Quotas | undefined {
  if (daily === undefined && monthly === undefined) return undefined;
  const limits = (resource: Resource): boolean => daily?.[resource] !== undefined || monthly?.[resource] !== undefined;
  return { quotas: { calendar, daily, monthly }, bytes: limits('bytes'), llmTokens: limits('llmTokens') };
}
