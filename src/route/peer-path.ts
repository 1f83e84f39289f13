// Owns the reading of `/peer/:lease/*`: which lease is meant, and the target that the app will see, byte for byte. Knows no lease.

export interface PeerRoute {
  /** Name or id, percent-decoded. */
  readonly lease: string;
  /** What was cut off in front, as sent: `/peer/my%20app`. */
  readonly prefix: string;
  /** Path below the prefix and query, never re-encoded or normalised. */
  readonly target: string;
}

export type PathMatch =
  | { readonly kind: 'peer'; readonly route: PeerRoute }
  | { readonly kind: 'malformed'; readonly reason: string }
  | { readonly kind: 'other' };

const root = '/peer/';
/** UTF-16 units; real relays take longer names, but nothing that a person would type. */
const maxLeaseLength = 255;
const other: PathMatch = { kind: 'other' };

export function matchPeerPath(target: string): PathMatch {
  const path = target.startsWith('/') ? target : originForm(target);
  if (path?.startsWith(root) !== true) return other;

  const query = path.indexOf('?', root.length);
  const slash = path.indexOf('/', root.length);
  const end = slash === -1 || (query !== -1 && query < slash) ? query : slash;
  const segment = end === -1 ? path.slice(root.length) : path.slice(root.length, end);
  const lease = decode(segment);
  if (lease === undefined) return malformed('The lease in the path is not percent-encoded UTF-8.');
  if (lease === '') return malformed('The path names no lease: /peer/<lease>/…');
  if (lease.length > maxLeaseLength) return malformed('The lease in the path is longer than any lease name.');
  if (hasControl(lease)) return malformed('The lease in the path holds control characters.');

  const rest = end === -1 ? '' : path.slice(end);
  const below = rest.startsWith('/') ? rest : `/${rest}`;
  return { kind: 'peer', route: { lease, prefix: root + segment, target: below } };
}

function malformed(reason: string): PathMatch {
  return { kind: 'malformed', reason };
}

/** The absolute form (RFC 9112 §3.2.2) must be accepted; its authority decides nothing here. */
function originForm(target: string): string | undefined {
  const authority = /^https?:\/\//i.exec(target)?.[0].length;
  if (authority === undefined) return undefined;
  const path = target.indexOf('/', authority);
  return path === -1 ? undefined : target.slice(path);
}

function decode(segment: string): string | undefined {
  if (!needsDecoding(segment)) return segment;
  try {
    // The target is one character for each byte; a client may have sent UTF-8 as it is.
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
