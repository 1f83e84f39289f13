// The address of `gateway.host` without the brackets that an IPv6 address has in URLs: `[::1]` is `::1`.
import { isIPv6 } from 'node:net';
import type { Config } from '../load/config.ts';

/** As it is passed to the system. Other text stays as it is. */
export function bareHost(host: string): string {
  const inner = host.slice(1, -1);
  return host === `[${inner}]` && isIPv6(inner) ? inner : host;
}

export function withBareHost(config: Config): Config {
  const { gateway } = config;
  const host = bareHost(gateway.host);
  return host === gateway.host ? config : Object.freeze({ ...config, gateway: Object.freeze({ ...gateway, host }) });
}
