// Finds the CORS rules for a request: those of its lease, or the gateway's. Until the lease is
// looked up, the configuration alone decides; where it cannot, the gateway's rules never replace
// narrower ones.
import { CorsRules } from '../../guard/cors.ts';
import type { GatewayError } from '../../kernel/errors/gateway-error.ts';
import { onlyValue } from '../../kernel/http/field-value.ts';
import { noHeaders, type RawHeaders } from '../../kernel/http/http.ts';
import { entriesOf } from '../../kernel/work/large-records.ts';
import { leaseIdIn } from '../../kernel/lease-name.ts';
import type { Steps } from '../../kernel/work/slices.ts';
import { compiledInSteps } from '../../policy/compiled.ts';
import { leasePins } from '../../policy/lease-pins.ts';
import { leaseSettings } from '../../policy/lease-settings.ts';
import type { CorsPolicy, Policy } from '../../policy/policy.ts';
import type { Exchange } from '../stage.ts';
import { namedLease } from '../request-route.ts';

interface CorsTable {
  readonly general: CorsRules | undefined;
  readonly own: ReadonlyMap<CorsPolicy, CorsRules>;
  /** Ids with settings of their own, with or without CORS rules. */
  readonly ids: ReadonlySet<string>;
  /** Rules configured under ids, and those under names and prefixes. */
  readonly underIds: readonly CorsRules[];
  readonly underNames: readonly CorsRules[];
  /** Those that allow stored credentials, wherever they are configured. */
  readonly withCredentials: readonly CorsRules[];
}

const tableOf = compiledInSteps(function* ({ cors, leases }): Steps<CorsTable> {
  const own = new Map<CorsPolicy, CorsRules>();
  const underIds: CorsRules[] = [];
  const underNames: CorsRules[] = [];
  const ids = new Set<string>();
  for (const [pattern, lease] of entriesOf(leases)) {
    yield;
    const id = leaseIdIn(pattern);
    if (id !== undefined) ids.add(id);
    if (!lease.cors.enabled) continue;
    const rules = new CorsRules(lease.cors);
    own.set(lease.cors, rules);
    if (id !== undefined) underIds.push(rules);
    else if (pattern !== '*') underNames.push(rules);
  }
  const general = cors.enabled ? new CorsRules(cors) : undefined;
  const all = general === undefined ? [...own.values()] : [general, ...own.values()];
  const withCredentials = all.filter(({ usesCredentials }) => usesCredentials);
  return { general, own, ids, underIds, underNames, withCredentials };
});

/** For a lease whose rules are unknown: allows no origin. */
const noOrigin = new CorsRules({ origins: [], methods: [], headers: [], credentials: false, maxAgeMs: 0 });

export function usesCors(policy: Policy): boolean {
  const { general, own } = tableOf(policy);
  return general !== undefined || own.size > 0;
}

/** The rules of a known lease. */
export function rulesOfLease(policy: Policy, id: string, name: string): CorsRules | undefined {
  const { general, own } = tableOf(policy);
  const settings = leaseSettings(policy).find(id, name)?.cors;
  return settings === undefined ? general : own.get(settings);
}

/** Whether any lease allows pages of the origin to use the credentials that browsers store. */
export function mayAllowCredentials(policy: Policy, origin: string | undefined): boolean {
  return tableOf(policy).withCredentials.some((rules) => rules.allowsCredentials(origin));
}

/** The id in the text, or the id that it is pinned to. */
function idOf(policy: Policy, nameOrId: string): string | undefined {
  return leaseIdIn(nameOrId) ?? leasePins(policy).idOf(nameOrId);
}

/** Whether `presumedRules` returns the rules of the lease, whatever the relays list. */
export function areRulesDecided(policy: Policy, nameOrId: string): boolean {
  const { ids, own } = tableOf(policy);
  return own.size === 0 || ids.has(idOf(policy, nameOrId) ?? '');
}

/**
 * The rules for an origin while only the name or id is known. If the lease may have
 * rules under another name or id, the first of those that allows the origin applies, never the
 * gateway's, so that an unlisted lease looks like a listed one.
 */
export function presumedRules(policy: Policy, nameOrId: string, origin: string | undefined): CorsRules | undefined {
  const { general, own, underIds, underNames } = tableOf(policy);
  const id = idOf(policy, nameOrId);
  const name = leaseIdIn(nameOrId) === undefined ? nameOrId : '';
  const settings = leaseSettings(policy).find(id ?? '', name)?.cors;
  const shown = settings === undefined ? undefined : own.get(settings);
  if (areRulesDecided(policy, nameOrId)) return shown ?? general;
  const hidden = name === '' ? underNames : id === undefined ? underIds : [];
  if (hidden.length === 0 || shown?.allows(origin) === true) return shown ?? general;
  return hidden.find((rules) => rules.allows(origin)) ?? shown ?? noOrigin;
}

/**
 * The CORS headers of a gateway error, so that pages can read it: from any stage, even before the
 * route is matched. Callers that may not know whether the lease exists get the headers of an
 * unresolved lease.
 */
export function corsFieldsOfError(exchange: Exchange, error: GatewayError): RawHeaders {
  const { policy, destination, req } = exchange;
  if (!usesCors(policy)) return noHeaders;
  const name = namedLease(exchange);
  if (name === undefined) return noHeaders;
  const origin = onlyValue(req.headers, 'origin');
  const rules =
    destination === undefined || hidesLease(exchange, error)
      ? presumedRules(policy, name, origin)
      : rulesOfLease(policy, destination.lease.id, destination.lease.name);
  return rules?.headersFor(origin) ?? noHeaders;
}

/** Whether the error is one that hides from the caller whether the lease exists. */
export function hidesLease({ destination }: Exchange, { code }: GatewayError): boolean {
  return destination === undefined || hiding.has(code);
}

const hiding: ReadonlySet<GatewayError['code']> = new Set([
  'missing_credentials',
  'access_denied',
  'ip_denied',
  'insufficient_scope',
]);
