// Explains access decisions: runs the checks that requests go through (addresses, key, lease rules,
// scopes) and gives the reasons. Pure.
import { foldName, leaseIdIn } from '../kernel/lease-name.ts';
import { addressSet } from '../policy/addresses.ts';
import { leasePins } from '../policy/lease-pins.ts';
import { LeasePatterns } from '../policy/lease-patterns.ts';
import type { KeyPolicy, Policy } from '../policy/policy.ts';
import { Acl, type AclVerdict } from './acl.ts';
import { addressRules } from './address-rules.ts';
import { anonymous, type Principal } from './principal.ts';
import { missingScope } from './scopes.ts';

export interface Question {
  /** Undefined: no credential. */
  readonly key: KeyPolicy | undefined;
  /** A lease name or id. */
  readonly lease: string;
  /** The id that the name resolves to, where it is known and not pinned. */
  readonly leaseId: string | undefined;
  /** With `strict`: the id that was accepted for the name, if known. */
  readonly acceptedId?: string | undefined;
  readonly method: string;
  readonly upgrade: boolean;
  /** Undefined: address rules are skipped. */
  readonly clientIp: string | undefined;
  readonly nowMs: number;
}

export interface Step {
  readonly passed: boolean;
  readonly reason: string;
}

export interface Explanation {
  readonly allowed: boolean;
  /** The error code that the caller would get; undefined when allowed. */
  readonly code: string | undefined;
  /** In the order of the pipeline, up to the first check that denies. */
  readonly steps: readonly Step[];
  /** False: in path mode the app receives the path with `/peer/<lease>`. */
  readonly stripPrefix: boolean;
}

type Judged = Step & { readonly code: string };

export function explainAccess(policy: Policy, question: Question): Explanation {
  const steps: Step[] = [];
  const { leaseId, names } = identify(policy, question);
  const settings = new LeasePatterns(Object.entries(policy.leases)).find(leaseId, names[0] ?? '');
  const stripPrefix = settings?.stripPrefix !== false;
  for (const { code, ...step } of judge(policy, question)) {
    steps.push(step);
    if (!step.passed) return { allowed: false, code, steps, stripPrefix };
  }
  return { allowed: true, code: undefined, steps, stripPrefix };
}

function* judge(policy: Policy, question: Question): Generator<Judged> {
  const { key, lease, method, upgrade, clientIp, nowMs } = question;
  const { leaseId, names } = identify(policy, question);
  if (clientIp !== undefined) {
    const passed = addressRules(policy.ipRules)(clientIp);
    yield { code: 'ip_denied', passed, reason: `ip_rules ${passed ? 'allow' : 'deny'} ${clientIp}` };
  }
  const principal: Principal =
    key === undefined || !policy.auth.enabled ? anonymous : { id: key.id, kind: 'key', scopes: key.scopes };
  if (key !== undefined && policy.auth.enabled) yield* judgeKey(key, clientIp, nowMs);

  const verdict = new Acl(policy.acl).decide({ id: leaseId, names }, principal);
  const withoutCredential = principal.kind === 'anonymous' && policy.auth.enabled;
  yield {
    code: withoutCredential ? 'missing_credentials' : 'access_denied',
    passed: verdict.allowed,
    reason: ruleReason(verdict, principal),
  };

  if (leaseIdIn(lease) === undefined) yield nameStep(policy, question, leasePins(policy).idOf(lease));

  const settings = new LeasePatterns(Object.entries(policy.leases)).all(leaseId, names);
  if (settings.length > 0 && clientIp !== undefined) {
    const passed = settings.every(({ ipRules }) => addressRules(ipRules)(clientIp));
    yield {
      code: 'ip_denied',
      passed,
      reason: `ip_rules of the lease ${passed ? 'allow' : 'deny'} ${clientIp}`,
    };
  }
  if (!policy.auth.enabled) return;
  const scope = missingScope(
    principal,
    method,
    upgrade,
    settings.flatMap(({ requiredScopes }) => requiredScopes),
  );
  yield {
    code: 'insufficient_scope',
    passed: scope === undefined,
    reason:
      scope === undefined
        ? `the caller has every scope that ${upgrade ? 'an upgrade' : method} requires`
        : `the scope ${scope} is missing`,
  };
}

/** The id and names that rules are matched with, as far as they are known. `leaseId`: '' if not. */
function identify(policy: Policy, question: Question): { readonly leaseId: string; readonly names: readonly string[] } {
  const { lease } = question;
  const pins = leasePins(policy);
  const leaseId = pins.idOf(lease) ?? leaseIdIn(lease) ?? question.leaseId ?? question.acceptedId ?? '';
  // Text in the format of an id is never a name.
  const listed = leaseIdIn(lease) === undefined ? [lease] : [];
  return { leaseId, names: pins.namesOf(leaseId, listed) ?? listed };
}

/** Which id the name resolves to, and why. */
function nameStep(policy: Policy, { lease, leaseId, acceptedId }: Question, pinnedId: string | undefined): Judged {
  const name = JSON.stringify(foldName(lease));
  const holder = pinnedId ?? (policy.nameBinding === 'strict' ? acceptedId : undefined);
  const how = pinnedId === undefined ? 'accepted for' : 'pinned to';
  if (holder !== undefined) {
    const passed = leaseId === undefined || leaseId === holder;
    const other = passed ? '' : `, so ${leaseId} does not get it`;
    const reason =
      pinnedId === undefined
        ? `${holder} is ${how} the name ${name}${other}`
        : `the name ${name} is ${how} ${holder}${other}`;
    return { code: 'lease_unreachable', passed, reason };
  }
  const rule =
    policy.nameBinding === 'strict'
      ? 'no id is accepted for it yet: the first one that a relay lists will be'
      : 'the lease that had it first keeps it while it is listed; others with the same name are ignored and reported';
  return { code: 'lease_ambiguous', passed: true, reason: `the name ${name} is not pinned: ${rule}` };
}

function* judgeKey(key: KeyPolicy, clientIp: string | undefined, nowMs: number): Generator<Judged> {
  const expired = key.expiresAtMs !== undefined && nowMs >= key.expiresAtMs;
  yield {
    code: 'expired_credentials',
    passed: !expired,
    reason: `the key ${key.id} ${expired ? 'has expired' : 'has not expired'}`,
  };
  const early = key.notBeforeMs !== undefined && nowMs < key.notBeforeMs;
  if (early) yield { code: 'invalid_credentials', passed: false, reason: `the key ${key.id} is not valid yet` };
  if (clientIp === undefined || key.allowedCidrs.length === 0) return;
  const passed = addressSet(key.allowedCidrs)(clientIp);
  yield {
    code: 'ip_denied',
    passed,
    reason: `allowed_cidrs of the key ${passed ? 'allow' : 'deny'} ${clientIp}`,
  };
}

function ruleReason({ allowed, class: kind, rules }: AclVerdict, { id }: Principal): string {
  if (kind === undefined) return 'no rule of lease_acl matches the lease, so access is denied';
  const shown = rules
    .map(({ pattern, principals }) => `${JSON.stringify(pattern)} [${principals.join(', ')}]`)
    .join(', ');
  const words = { exact: 'exact', prefix: 'prefix', any: '*' }[kind];
  return `lease_acl: the most specific rules that match are ${words}: ${shown}; they ${allowed ? 'allow' : 'do not allow'} ${id}`;
}
