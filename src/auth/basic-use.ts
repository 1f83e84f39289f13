// How far a request may use Basic authentication. The pipeline decides by the lease and by the
// browser, if one made the request.
import type { GatewayError } from '../kernel/errors/gateway-error.ts';

export interface BasicUse {
  /** A key may be the password of Basic. */
  readonly accepted: boolean;
  /** Whether a 401 response asks for Basic, so that browsers and git ask their user. */
  readonly challenge: 'none' | 'beside Bearer' | 'alone';
  /** Why this request must not be made with Basic, whatever the key. */
  readonly refusal: () => GatewayError | undefined;
}

export const basicOff: BasicUse = { accepted: false, challenge: 'none', refusal: () => undefined };
