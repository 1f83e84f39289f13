// The quotas that a request counts towards, and the headers that report them. limits/ decides
// whether one is used up.
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
  /** Whether bytes or tokens are limited and have to be counted. */
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

/** Undefined when the caller has no quotas. */
export function quotaOf({ principal, policy }: Exchange): KeyQuota | undefined {
  if (principal === undefined || principal.kind === 'anonymous') return undefined;
  const quotas = quotasOf(policy)(principal.id);
  return quotas && { key: principal.id, ...quotas };
}

export function reportQuotas({ responseHeaders }: Exchange, { states }: QuotaVerdict): void {
  responseHeaders.push(...fieldsOf(states));
}

const fieldNames: Readonly<Record<Resource, string>> = {
  requests: 'requests',
  bytes: 'bytes',
  llmTokens: 'llm-tokens',
};

/**
 * Quota units of draft-ietf-httpapi-ratelimit-headers; the default unit is requests. `llm-tokens`
 * is our own.
 */
const units: Readonly<Record<Resource, string>> = {
  requests: '',
  bytes: ';qu="content-bytes"',
  llmTokens: ';qu="llm-tokens"',
};

/** Items of the RateLimit headers, for example `"daily-requests";q=1000;w=86400`. */
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
  llmTokens: 'language-model tokens',
};

export function quotaRefusal({ kind, resource, resetMs }: QuotaState): GatewayError {
  return new GatewayError('quota_exceeded', `This key has used up its ${kind} quota of ${resourceWords[resource]}.`, {
    retryAfterSeconds: Math.max(1, seconds(resetMs)),
  });
}

/** `state`: the quota whose reset re-enables the key. */
export function unreportedRefusal({ resetMs }: QuotaState): GatewayError {
  return new GatewayError(
    'quota_exceeded',
    'An earlier response of this lease did not report its token usage; streams report it only with `stream_options.include_usage`. This key may not call the lease until its quota period ends.',
    { retryAfterSeconds: Math.max(1, seconds(resetMs)) },
  );
}

function seconds(ms: number): number {
  return Math.ceil(ms / 1000);
}

/**
 * The key's own quota, or the one for all others; daily and monthly quotas are looked up
 * separately.
 */
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
