// Owns the first question of all: may this address call the gateway.
import { addressRules } from '../../guard/address-rules.ts';
import { GatewayError } from '../../kernel/errors.ts';
import { compiled } from '../../policy/compiled.ts';
import type { Dispatch, Stage } from '../stage.ts';

const rulesOf = compiled(({ ipRules }) => addressRules(ipRules));

export function checkAddress(): Stage {
  return function addressStage(next): Dispatch {
    return function admitAddress(exchange, sink) {
      if (rulesOf(exchange.policy)(exchange.clientIp)) next(exchange, sink);
      else sink.fail(new GatewayError('ip_denied', 'The gateway may not be called from this address.'));
    };
  };
}
