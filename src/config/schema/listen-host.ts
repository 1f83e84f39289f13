// Removes the brackets that an IPv6 address in `gateway.host` may have as in URLs: `[::1]` becomes
// `::1`.
import { withoutBrackets } from '../../kernel/net/ip.ts';
import type { Config } from '../load/config.ts';

export function withBareHost(config: Config): Config {
  const { gateway } = config;
  const host = withoutBrackets(gateway.host);
  return host === gateway.host ? config : Object.freeze({ ...config, gateway: Object.freeze({ ...gateway, host }) });
}
