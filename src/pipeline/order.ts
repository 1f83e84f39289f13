// Owns THE list: every stage that a request passes, in order. To learn what happens to a request, read this file first.
import type { Limiter } from '../guard/limiter.ts';
import type { LeaseDirectory } from '../route/lease-directory.ts';
import type { Lease, Transport } from '../upstream/transport.ts';
import type { Upstream } from '../upstream/upstream.ts';
import { compose } from './compose.ts';
import type { Dispatch } from './stage.ts';
import { checkAddress } from './stages/address-rules.ts';
import { authenticate, type AuthenticateParts } from './stages/authenticate.ts';
import { authorise } from './stages/authorise.ts';
import { forward } from './stages/forward.ts';
import { matchRoute } from './stages/match-route.ts';
import { rateLimit } from './stages/rate-limit.ts';
import { requestId } from './stages/request-id.ts';
import { resolveLease } from './stages/resolve-lease.ts';

export interface PipelineParts {
  readonly directory: LeaseDirectory<Lease, Transport>;
  readonly upstream: Upstream;
  readonly auth: AuthenticateParts;
  readonly limiter: Limiter;
}

export function createPipeline({ directory, upstream, auth, limiter }: PipelineParts): Dispatch {
  return compose(
    [
      requestId(),
      matchRoute(),
      checkAddress(),
      authenticate(auth),
      resolveLease(directory),
      authorise(),
      rateLimit(limiter),
    ],
    forward(upstream, directory),
  );
}
