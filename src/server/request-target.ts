// Validates request targets (RFC 9112 §3.2). They are forwarded byte for byte, so targets that two
// recipients could interpret differently are rejected.
import { isAuthority, isSameAuthority } from '../kernel/net/authority.ts';

const slash = 0x2f;
const percent = 0x25;
const zero = 0x30;
const question = 0x3f;
const hash = 0x23;

/**
 * Why the target is rejected; undefined if it is valid. `host`: value of the Host field, undefined
 * without one.
 */
export function targetFault(method: string, target: string, host: string | undefined): string | undefined {
  if (target.charCodeAt(0) === slash) return pathFault(target, 0);
  if (target === '*') return method === 'OPTIONS' ? undefined : 'Only OPTIONS may use the target *.';
  return absoluteFault(target, host);
}

/** Allows visible ASCII without `#`; no %00, because some recipients end the path there. */
function pathFault(target: string, start: number): string | undefined {
  let inPath = true;
  for (let i = start; i < target.length; i += 1) {
    const code = target.charCodeAt(i);
    if (code <= 0x20 || code >= 0x7f) return 'The request target contains characters that must be percent-encoded.';
    if (code === hash) return 'The request target contains a fragment (#).';
    if (code === question) inPath = false;
    else if (code === percent && inPath && target.charCodeAt(i + 1) === zero && target.charCodeAt(i + 2) === zero) {
      return 'The path contains %00.';
    }
  }
  return undefined;
}

/** `http://host/path`: sent by clients of a forward proxy; every server must accept it. */
function absoluteFault(target: string, host: string | undefined): string | undefined {
  const scheme = schemeOf(target);
  if (scheme === undefined) return 'The request target is neither a path nor an http or https URL.';
  const start = scheme.length + '://'.length;
  let end = start;
  while (end < target.length && !isEndOfAuthority(target.charCodeAt(end))) end += 1;
  const authority = target.slice(start, end);
  if (!isAuthority(authority)) return 'The request target does not name a valid host.';
  if (host !== undefined && !isSameAuthority(authority, host, scheme)) {
    return 'The request target and the Host field name different hosts.';
  }
  return pathFault(target, end);
}

function schemeOf(target: string): 'http' | 'https' | undefined {
  const start = target.slice(0, 'https://'.length).toLowerCase();
  if (start === 'https://') return 'https';
  return start.startsWith('http://') ? 'http' : undefined;
}

function isEndOfAuthority(code: number): boolean {
  return code === slash || code === question || code === hash;
}
