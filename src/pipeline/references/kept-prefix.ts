// The target that an app receives: without the prefix of path mode, or with it where the lease sets
// `strip_prefix: false`. The paths of such an app are those of the client.
import { foldName, leaseIdIn } from '../../kernel/lease-name.ts';
import { matchPeerPath, type PeerRoute, unstrippedTarget } from '../../route/peer-path.ts';
import type { Destination, Exchange } from '../stage.ts';

type Of = Pick<Exchange, 'route' | 'destination'>;

/** False in host mode, which has no prefix. */
export function isPrefixKept({ route, destination }: Of): boolean {
  return route !== undefined && route.kind !== 'host' && destination?.settings?.stripPrefix === false;
}

export function appTarget(route: PeerRoute, destination: Destination): string {
  return isPrefixKept({ route, destination }) ? unstrippedTarget(route) : route.target;
}

/**
 * Tests whether a client's path is below a prefix of the lease: its id or one of its names, however
 * encoded. An app is configured with one of them, whichever the client uses.
 */
export function isOwnPath({ destination, outerPrefix }: Exchange): (path: string) => boolean {
  const names = new Set(destination?.names.map(foldName));
  return (path) => {
    if (!path.startsWith(outerPrefix)) return false;
    const found = matchPeerPath(path.slice(outerPrefix.length));
    if (found.kind !== 'peer' || found.route.kind !== 'path') return false;
    const id = leaseIdIn(found.route.lease);
    // Text in the format of an id is never a name.
    return id === undefined ? names.has(foldName(found.route.lease)) : id === destination?.lease.id;
  };
}
