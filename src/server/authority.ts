// Validates the host in `Host` and in a target in absolute form (RFC 9110 §7.2, RFC 9112 §3.2.2).
// Stricter than the URI grammar, which allows forms that no host uses and that recipients interpret
// differently.
import { isIPv6 } from 'node:net';

const maxPort = 65_535;
const colon = 0x3a;

/** A host name or an address, with or without a port. No userinfo, no comma, no empty host. */
export function isAuthority(text: string): boolean {
  if (text.startsWith('[')) return isBracketed(text);
  let end = 0;
  while (end < text.length && isHostCharacter(text.charCodeAt(end))) end += 1;
  if (end === 0) return false;
  return end === text.length || (text.charCodeAt(end) === colon && isPort(text, end + 1));
}

/**
 * Whether both mean the same host and port: `EXAMPLE.com` equals `example.com`, and `:80` is the
 * default of an http URL.
 */
export function isSameAuthority(one: string, other: string, scheme: 'http' | 'https'): boolean {
  return one === other || canonical(one, scheme) === canonical(other, scheme);
}

function canonical(authority: string, scheme: 'http' | 'https'): string {
  return authority.toLowerCase().replace(scheme === 'http' ? /:(?:80)?$/ : /:(?:443)?$/, '');
}

function isBracketed(text: string): boolean {
  const close = text.indexOf(']');
  // A zone (`%eth0`) is only meaningful on one machine.
  if (close === -1 || !isIPv6(text.slice(1, close)) || text.includes('%')) return false;
  return close === text.length - 1 || (text.charCodeAt(close + 1) === colon && isPort(text, close + 2));
}

/** Letters, digits, `-`, `.`, `_` and `~`. */
function isHostCharacter(code: number): boolean {
  return (
    (code >= 0x61 && code <= 0x7a) ||
    (code >= 0x2d && code <= 0x2e) ||
    (code >= 0x30 && code <= 0x39) ||
    (code >= 0x41 && code <= 0x5a) ||
    code === 0x5f ||
    code === 0x7e
  );
}

/** An empty port means the default one (RFC 3986 §3.2.3). */
function isPort(text: string, start: number): boolean {
  let port = 0;
  for (let i = start; i < text.length; i += 1) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return false;
    port = port * 10 + digit;
    if (port > maxPort) return false;
  }
  return true;
}
