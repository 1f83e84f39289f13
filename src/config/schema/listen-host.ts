// Removes the brackets that an IPv6 address in `gateway.host` may have as in URLs: `[::1]` becomes
// `::1`.
import { isIPv6 } from 'node:net';
import type { Config } from '../load/config.ts';

/** The form that the system takes. Other text is returned unchanged. */
export function bareHost(host: string): string {
  const inner = host.slice(1, -1);
  return host === `[${inner}]` && isIPv6(inner) ? inner : host;
}

export function withBareHost(config: Config): Config {
  const { gateway } = config;
  const host = bareHost(gateway.host);
  return host === gateway.host ? config : Object.freeze({ ...config, gateway: Object.freeze({ ...gateway, host }) });
}
