// Rejects callers that may not call the lease, and delays the error by the time that the same error
// takes for an unknown lease.
import { internalError } from '../../kernel/errors/gateway-error.ts';
import { accessFault, credentialFault } from '../lease/lease-access.ts';
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
        const refused = credentialFault(exchange, destination);
        if (refused === undefined) next(exchange, sink);
        else sink.fail(refused);
      } else {
        lookup.evenOut(exchange, sink, destination.waited, () => {
          sink.fail(fault);
        });
      }
    };
  };
}
