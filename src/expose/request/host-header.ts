// The Host that the local app receives, the references to it in requests, and the hosts by which
// the app may therefore refer to itself.
import type { RawHeaders } from '../../kernel/http/http.ts';
import { isAuthority } from '../../kernel/net/authority.ts';
import { isLoopback } from '../../kernel/net/ip.ts';
import { absoluteReference, isOneOf, ownPath } from '../../kernel/references/own-reference.ts';
import { mapRequestReferences } from '../../kernel/references/request-references.ts';
import type { Target } from '../app/target.ts';

/**
 * target: the app's own host, as if it were called directly; preserve: the Host that the
 * caller sent.
 */
export type HostHeader =
  { readonly mode: 'target' } | { readonly mode: 'preserve' } | { readonly mode: 'fixed'; readonly value: string };

/**
 * Accepts `target`, `preserve` or a host with an optional port. Throws RangeError with the
 * reason otherwise.
 */
export function parseHostHeader(text: string): HostHeader {
  if (text === 'target' || text === 'preserve') return { mode: text };
  // RFC 9110 §7.2: uri-host [ ":" port ]. Any other text could inject a second header line.
  if (!isAuthority(text) || text.endsWith(':')) {
    throw new RangeError(`"${text}" is neither preserve, target nor a host name with an optional port`);
  }
  return { mode: 'fixed', value: text };
}

export function hostFor(setting: HostHeader, target: Target, received: string | undefined): string {
  switch (setting.mode) {
    case 'target':
      return target.host;
    case 'preserve':
      return received ?? target.host;
    case 'fixed':
      return setting.value;
  }
}

/** Includes 0.0.0.0, because development servers print the address that they listen on. */
const loopbackHosts = ['localhost', '127.0.0.1', '[::1]', '0.0.0.0'];

/**
 * Hosts, with ports, by which the app may refer to itself. Empty under `preserve`, where the app
 * receives the caller's Host.
 */
export function ownHosts(setting: HostHeader, target: Target): readonly string[] {
  if (setting.mode === 'preserve') return [];
  const hosts = [hostFor(setting, target, undefined), target.host];
  if (target.hostname === 'localhost' || isLoopback(target.hostname))
    hosts.push(...loopbackHosts.map((name) => `${name}:${target.port}`));
  return [...new Set(hosts)];
}

/**
 * Rewrites Origin, Referer, Destination and If to the app's own host where they name the caller's,
 * because apps that compare them with Host reject other origins. `host`: replaces the received one.
 */
export function withAppReferences<T extends RawHeaders>(
  headers: T,
  received: string,
  host: string,
  target: Target,
): T | string[] {
  const own = `${target.protocol}//${host}`;
  return mapRequestReferences(headers, {
    origin: ({ authority }) => (isOneOf([received], authority) ? own : undefined),
    page: (url) => {
      const found = absoluteReference(url);
      return found !== undefined && isOneOf([received], found.authority) ? own + found.path : url;
    },
    resource: (reference) => ownPath(reference, [received]),
  });
}
