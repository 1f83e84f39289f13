// The pipeline: every stage that a request passes, in order. To learn what happens to a request,
// read this file first.
import type { Authenticator } from '../auth/authenticator.ts';
import type { AssertionSigner } from '../auth/assertion-signer.ts';
import { Admission } from '../guard/admission.ts';
import type { Limiter } from '../limits/limiter.ts';
import type { QuotaLedger } from '../limits/quotas/quota-ledger.ts';
import type { Clock } from '../kernel/clock.ts';
import { Deadlines } from '../kernel/work/deadlines.ts';
import { ignore } from '../kernel/ignore.ts';
import type { LeaseDirectory } from '../route/lease-directory.ts';
import type { Lease, Transport } from '../upstream/transport.ts';
import type { Upstream } from '../upstream/upstream.ts';
import { type AdminAccess, adminAccess } from './admin-access.ts';
import { compose } from './compose.ts';
import { LeaseLookup } from './lease-lookup.ts';
import type { Dispatch } from './stage.ts';
import { ipRatePrecheck } from './stages/ip-rate-precheck.ts';
import { ipRules } from './stages/ip-rules.ts';
import { admit } from './stages/admit.ts';
import { checkHost, checkLeaseHost } from './stages/allowed-hosts.ts';
import { authenticate } from './stages/authenticate.ts';
import { authorise } from './stages/authorise.ts';
import { clientAddress } from './stages/client-address.ts';
import { cors, preflightsOfRefused } from './stages/cors.ts';
import { forward } from './stages/forward.ts';
import { limits } from './stages/limits.ts';
import { matchRoute } from './stages/match-route.ts';
import { observe } from './stages/observe.ts';
import { requestId } from './stages/request-id.ts';
import { resolveLease } from './stages/resolve-lease.ts';
import { rewriteResponse } from './stages/rewrite-response.ts';
import { totalTimeout } from './stages/total-timeout.ts';

export interface PipelineParts {
  readonly directory: LeaseDirectory<Lease, Transport>;
  readonly upstream: Upstream;
  readonly authenticator: Authenticator;
  readonly limiter: Limiter;
  readonly quotas: QuotaLedger;
  readonly signer?: AssertionSigner | undefined;
  readonly clock: Clock;
}

/** For the gateway's private paths on the main listener. */
export function createAdminAccess({
  authenticator,
  limiter,
}: Pick<PipelineParts, 'authenticator' | 'limiter'>): AdminAccess {
  return adminAccess([
    clientAddress(),
    ipRules(),
    ipRatePrecheck(limiter),
    authenticate(authenticator, { known: ignore }),
  ]);
}

export function createPipeline(parts: PipelineParts): Dispatch {
  const { directory, upstream, authenticator, limiter, quotas, signer, clock } = parts;
  const deadlines = new Deadlines(clock);
  const lookup = new LeaseLookup(directory);
  return compose(
    [
      requestId(),
      observe(clock),
      clientAddress(),
      preflightsOfRefused(),
      ipRules(),
      ipRatePrecheck(limiter),
      matchRoute(),
      // Before any response for a lease, including preflights.
      checkHost(),
      cors(lookup),
      authenticate(authenticator, directory),
      resolveLease(lookup),
      authorise(lookup),
      // The lease may be open to everyone under a name other than the requested one.
      checkLeaseHost(),
      limits(limiter, quotas, clock),
      // After every stage that rejects, so that rejected requests take no place in flight.
      admit({ admission: new Admission(), deadlines, limiter }),
      rewriteResponse(),
      totalTimeout(deadlines, clock),
    ],
    forward(upstream, lookup, signer),
  );
}
