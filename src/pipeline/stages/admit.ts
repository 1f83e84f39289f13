// Applies the limits on concurrent requests and streams. guard/admission.ts decides who gets a
// place.
import { admissionLimits } from '../../guard/admission.ts';
import { compiled } from '../../policy/compiled.ts';
import { AdmittedRequest, type AdmitParts } from '../limits/admitted-request.ts';
import type { Dispatch, Stage } from '../stage.ts';

const limitsOf = compiled(({ limits, shares }) =>
  admissionLimits(limits, {
    perKey: shares.perKeyInFlight,
    perLease: shares.perLeaseInFlight,
    perTenant: shares.perTenantInFlight,
    perAddress: shares.perIpInFlight,
  }),
);

export function admit(parts: AdmitParts): Stage {
  return function admitStage(next): Dispatch {
    return function admitRequest(exchange, sink) {
      new AdmittedRequest(exchange, sink, next, limitsOf(exchange.policy), parts).enter();
    };
  };
}
