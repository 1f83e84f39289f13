// The pipeline: every stage that a request passes, in order. To learn what happens to a request,
// read this file first.
import type { Authenticator } from '../auth/authenticator.ts';
import type { AssertionSigner } from '../auth/assertion-signer.ts';
import type { BrowserSessions } from '../auth/browser-sessions.ts';
import { Admission } from '../guard/admission.ts';
import type { Limiter } from '../limits/limiter.ts';
import type { QuotaLedger } from '../limits/quotas/quota-ledger.ts';
import type { Clock } from '../kernel/clock.ts';
import { Deadlines } from '../kernel/work/deadlines.ts';
import { ignore } from '../kernel/ignore.ts';
import type { LeaseDirectory } from '../route/lease-directory.ts';
import type { Lease, Transport } from '../upstream/transport.ts';
import type { Upstream } from '../upstream/upstream.ts';
import { compose } from './compose.ts';
import { LeaseLookup } from './lease/lease-lookup.ts';
import { NearLeases } from './lease/near-leases.ts';
import { operatorAccess } from './operator-access.ts';
import { signIn } from './sign-in/sign-in.ts';
import { signInLink } from './sign-in/sign-in-link.ts';
import type { Dispatch } from './stage.ts';
import { admit } from './stages/admit.ts';
import { checkHost, checkLeaseHost } from './stages/allowed-hosts.ts';
import { authenticate } from './stages/authenticate.ts';
import { authorise } from './stages/authorise.ts';
import { builtinEndpoints, type Endpoints } from './stages/builtin-endpoints.ts';
import { clientAddress } from './stages/client-address.ts';
import { cors } from './stages/cors.ts';
import { draining } from './stages/draining.ts';
import { forward } from './stages/forward.ts';
import { ipRatePrecheck } from './stages/ip-rate-precheck.ts';
import { ipRules } from './stages/ip-rules.ts';
import { limits } from './stages/limits.ts';
import { matchRoute } from './stages/match-route.ts';
import { notFound } from './stages/not-found.ts';
import { observe } from './stages/observe.ts';
import { preflightsOfRefused } from './stages/preflights-of-refused.ts';
import { requestId } from './stages/request-id.ts';
import { type ResolveParts, resolveLease } from './stages/resolve-lease.ts';
import { rewriteResponse } from './stages/rewrite-response.ts';
import { totalTimeout } from './stages/total-timeout.ts';

export interface PipelineParts {
  readonly endpoints: Endpoints;
  /** The grace period of a drain is over. */
  readonly isGraceOver: () => boolean;
  readonly directory: LeaseDirectory<Lease, Transport>;
  readonly upstream: Upstream;
  readonly authenticator: Authenticator;
  readonly limiter: Limiter;
  readonly quotas: QuotaLedger;
  readonly signer?: AssertionSigner | undefined;
  /** Undefined: a relay is connected, or it is not known since when none is. */
  readonly outage?: ResolveParts['outage'];
  /** Undefined: browsers cannot sign in. */
  readonly sessions?: BrowserSessions | undefined;
  readonly clock: Clock;
}

/** For requests on the admin listener: only the gateway's own endpoints, and all of them. */
export function createAdminPipeline(endpoints: Endpoints, clock: Clock): Dispatch {
  return compose([requestId(), builtinEndpoints(endpoints, undefined, clock)], notFound());
}

/** For requests on the main listener. */
export function createPipeline(parts: PipelineParts): Dispatch {
  const { endpoints, isGraceOver, directory, upstream, authenticator, limiter, quotas, signer, sessions, clock } =
    parts;
  const deadlines = new Deadlines(clock);
  const lookup = new LeaseLookup(directory);
  const near = new NearLeases(() => directory.names(), clock);
  // A private endpoint is not a lease, so nothing that leases set applies to its callers.
  const noLeases = { known: ignore };
  const operators = operatorAccess([
    clientAddress(),
    ipRules(),
    ipRatePrecheck(limiter),
    authenticate(authenticator, noLeases),
  ]);
  return compose(
    [
      // First: every response has the id, whichever stage sends it.
      requestId(),
      // Before `draining`: health reports the drain to its end. Before `observe`, which would count
      // a scrape of /metrics as an active request; publishes its own events.
      builtinEndpoints(endpoints, operators, clock),
      // Before anything is spent on a request that cannot be finished.
      draining(isGraceOver),
      // Outside of every stage that changes or rejects a request to a lease, so that it sees what
      // the client gets.
      observe(clock),
      // Before the first stage that uses the client's address, scheme or host.
      clientAddress(),
      // Outside of the two stages that reject addresses, which it makes readable for pages.
      preflightsOfRefused(),
      // Before every check that costs more than comparing an address.
      ipRules(),
      // Before look-ups and bcrypt, which a flood from one address must not cost.
      ipRatePrecheck(limiter),
      // Before every stage that depends on the lease.
      matchRoute(),
      // Before any response for a lease, including preflights.
      checkHost(),
      // Before authentication, because preflights carry no credential.
      cors(lookup),
      // Before `authenticate`, which asks only callers without a session for a key.
      signIn(sessions),
      // Before every stage that depends on who calls.
      authenticate(authenticator, directory),
      // After `authenticate`: hides from callers without access whether the lease exists.
      resolveLease({ lookup, near, outage: parts.outage }),
      // After `resolveLease`: the rules apply to the lease, under whichever name it was requested.
      authorise(lookup),
      // After `authorise`: only callers of the lease get a link, which lets a browser call it.
      signInLink(sessions),
      // After `authorise`: the lease may be open to everyone under another name than the requested.
      checkLeaseHost(),
      // After every stage that rejects a caller: rejected requests are not charged.
      limits(limiter, quotas, clock),
      // After `limits`: rejected requests take no place in flight, and one that never starts is
      // refunded.
      admit({ admission: new Admission(), deadlines, limiter }),
      // Inside of the stages that respond themselves: only responses of apps are rewritten.
      rewriteResponse(),
      // Innermost: earlier waits have bounds of their own, but their time counts.
      totalTimeout(deadlines, clock),
    ],
    // Last: all others have agreed.
    forward(upstream, lookup, signer),
  );
}
