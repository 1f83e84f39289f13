// Parses `/peer/:lease/*` and `/ws/:lease` into the lease and the target that the app will see,
// byte for byte.

export interface PeerRoute {
  /** Where the lease was named: in the path, in the WebSocket alias, or in the host. */
  readonly kind: 'path' | 'ws' | 'host';
  /** Name or id, decoded. */
  readonly lease: string;
  /** Where the client finds the app's `/`, as sent: `/peer/my%20app`; '' for the root of a host. */
  readonly prefix: string;
  /**
   * Path below the prefix and query, never re-encoded or normalised; `*` if the request is for the
   * app as a whole.
   */
  readonly target: string;
  /** The client's path ends with the lease, without a slash. */
  readonly bare: boolean;
}

export type PathMatch =
  | { readonly kind: 'peer'; readonly route: PeerRoute }
  | { readonly kind: 'malformed'; readonly reason: string }
  | { readonly kind: 'other' };

const root = '/peer/';
const alias = '/ws/';
/** In UTF-16 units. Relays accept longer names, but people do not type them. */
const maxLeaseLength = 255;
const other: PathMatch = { kind: 'other' };

/**
 * The target with the prefix, byte for byte as the client sent it. For the alias, the root of the
 * app below `/peer/`.
 */
export function unstrippedTarget({ kind, prefix, target, bare }: PeerRoute): string {
  return prefix + (bare && kind === 'path' ? target.slice(1) : target);
}

/** `path`: path and query. `outerPrefix`: the prefix that the client sees in front of the path. */
export function matchPeerPath(path: string, outerPrefix = ''): PathMatch {
  if (path.startsWith(root)) return matchBelow(root, path, outerPrefix);
  if (path.startsWith(alias)) return matchBelow(alias, path, outerPrefix);
  return other;
}

function matchBelow(start: typeof root | typeof alias, path: string, outerPrefix: string): PathMatch {
  const query = path.indexOf('?', start.length);
  const slash = path.indexOf('/', start.length);
  const end = slash === -1 || (query !== -1 && query < slash) ? query : slash;
  // The alias stands for one path of the app, so there are no paths below it.
  if (start === alias && end !== query) return other;
  const segment = end === -1 ? path.slice(start.length) : path.slice(start.length, end);
  const lease = decode(segment);
  if (lease === undefined)
    return malformed('The lease in the path is not percent-encoded UTF-8: encode its bytes as %XX.');
  if (lease === '') return malformed(`The path does not name a lease: ${start}<lease>`);
  if (lease.length > maxLeaseLength) return malformed('The lease in the path is longer than any lease name.');
  if (hasControl(lease)) return malformed('The lease in the path contains control characters.');

  const rest = end === -1 ? '' : path.slice(end);
  const bare = !rest.startsWith('/');
  const target = bare ? `/${rest}` : rest;
  const kind = start === alias ? 'ws' : 'path';
  return { kind: 'peer', route: { kind, lease, prefix: outerPrefix + root + segment, target, bare } };
}

function malformed(reason: string): PathMatch {
  return { kind: 'malformed', reason };
}

function decode(segment: string): string | undefined {
  if (!needsDecoding(segment)) return segment;
  try {
    // The target has one character for each byte; a client may have sent unescaped UTF-8.
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(percentDecoded(segment));
  } catch {
    return undefined;
  }
}

function needsDecoding(segment: string): boolean {
  for (let i = 0; i < segment.length; i += 1) {
    const code = segment.charCodeAt(i);
    if (code === 0x25 || code > 0x7e) return true;
  }
  return false;
}

function percentDecoded(segment: string): Uint8Array {
  const bytes = new Uint8Array(segment.length);
  let length = 0;
  for (let i = 0; i < segment.length; i += 1) {
    let byte = segment.charCodeAt(i);
    if (byte === 0x25) {
      const hex = segment.slice(i + 1, i + 3);
      if (!/^[0-9a-f]{2}$/i.test(hex)) throw new RangeError('not a percent-encoded byte');
      byte = Number.parseInt(hex, 16);
      i += 2;
    }
    bytes[length] = byte;
    length += 1;
  }
  return bytes.subarray(0, length);
}

function hasControl(lease: string): boolean {
  for (let i = 0; i < lease.length; i += 1) {
    const code = lease.charCodeAt(i);
    if (code < 0x20 || code === 0x7f) return true;
  }
  return false;
}
