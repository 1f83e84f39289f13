// Rejects clients whose address the configuration does not allow.
import { addressRulesSteps } from '../../guard/address-rules.ts';
import { GatewayError } from '../../kernel/errors/gateway-error.ts';
import { compiledInSteps } from '../../policy/compiled.ts';
import type { Dispatch, Stage } from '../stage.ts';

const rulesOf = compiledInSteps(({ ipRules }) => addressRulesSteps(ipRules));

export function ipRules(): Stage {
  return function ipRulesStage(next): Dispatch {
    return function checkAddress(exchange, sink) {
      if (rulesOf(exchange.policy)(exchange.clientIp)) next(exchange, sink);
      else sink.fail(new GatewayError('ip_denied', 'The gateway may not be called from this address.'));
    };
  };
}
