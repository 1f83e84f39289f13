// Rejects callers that may not call the lease, and delays the error by the time that the same error
// takes for an unknown lease.
import { basicOff } from '../../auth/basic-use.ts';
import { missingCredentials } from '../../auth/credential-errors.ts';
import { internalError } from '../../kernel/errors/gateway-error.ts';
import { accessFault, isMisplaced } from '../lease/lease-access.ts';
import type { LeaseLookup } from '../lease/lease-lookup.ts';
import type { Dispatch, Stage } from '../stage.ts';

export function authorise(lookup: LeaseLookup): Stage {
  return function authoriseStage(next): Dispatch {
    return function checkAccess(exchange, sink) {
      const { destination } = exchange;
      if (destination === undefined) {
        sink.fail(internalError(new Error('the request reached authorisation without a lease')));
        return;
      }
      const fault = accessFault(exchange, destination);
      if (fault === undefined) {
        if (isMisplaced(exchange, destination)) {
          const place = destination.settings?.credentials ?? 'gateway';
          sink.fail(missingCredentials({ upgrade: exchange.req.upgrade, place, basic: basicOff }));
        } else next(exchange, sink);
      } else {
        lookup.evenOut(exchange, sink, destination.waited, () => {
          sink.fail(fault);
        });
      }
    };
  };
}
