// The two ways to name relays: portal.relays, and portal.relay_url as the short form for one relay.
// At most one of them is used, and after loading it is portal.relays.
import type { Config } from '../load/config.ts';
import type { Finding, Origin } from '../source/origin.ts';
import { isNothing, nodeAt, remove, type Sourced } from '../source/sourced.ts';

const short = ['portal', 'relay_url'];
const long = ['portal', 'relays'];
const rank: Readonly<Record<Origin['kind'], number>> = { default: 0, file: 1, environment: 2, flag: 3 };

/** Flags override the environment, and the environment overrides the file, in either form. */
export function settleRelays(root: Sourced): Finding[] {
  const [one, many] = [nodeAt(root, short), nodeAt(root, long)];
  if (one === undefined || many === undefined || isEmpty(many)) return [];
  const difference = rank[one.origin.kind] - rank[many.origin.kind];
  if (difference !== 0) remove(root, difference > 0 ? long : short);
  else {
    const message = 'portal.relay_url is the short form of portal.relays: keep one of them';
    return [{ origin: one.origin, message }];
  }
  return [];
}

function isEmpty(relays: Sourced): boolean {
  return relays.kind === 'list' ? relays.items.length === 0 : isNothing(relays);
}

/** Copies the relay of relay_url to portal.relays where that is empty. */
export function withRelays(config: Config): Config {
  if (config.portal.relays.length > 0) return config;
  const relays = Object.freeze([Object.freeze({ url: config.portal.relayUrl, caFile: '' })]);
  return Object.freeze({ ...config, portal: Object.freeze({ ...config.portal, relays }) });
}
