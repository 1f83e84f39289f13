// The one grammar for `host[:port]` (RFC 3986 §3.2.2, RFC 9110 §7.2): Host fields, `:authority`,
// absolute-form targets, X-Forwarded-Host and settings. Stricter than the URI grammar, which allows
// forms that no host uses and that recipients interpret differently.
import { isIPv6 } from 'node:net';
import { hasZone } from './ip.ts';

export interface Authority {
  /** As written; an IPv6 address keeps its brackets. */
  readonly host: string;
  /** As written; '' and undefined both mean the default port (RFC 3986 §3.2.3). */
  readonly port: string | undefined;
}

/** A name of 253 characters (RFC 1035 §2.3.4), its root dot, a colon and five digits. */
const maxCharacters = 260;
const maxPort = 65_535;
const maxPortDigits = 5;
const colon = 0x3a;

/**
 * A host name or an address, an IPv6 address in brackets, with or without a port from 0 to 65535.
 * No userinfo, no percent-encoding, no zone, no empty host.
 */
export function isAuthority(text: string): boolean {
  return authorityHostEnd(text) !== -1;
}

/** Undefined: not an authority. */
export function parseAuthority(text: string): Authority | undefined {
  const end = authorityHostEnd(text);
  if (end === -1) return undefined;
  return { host: text.slice(0, end), port: end === text.length ? undefined : text.slice(end + 1) };
}

/** The host of a valid authority, without its port. */
export function hostOf(authority: string): string {
  const colonAt = authority.lastIndexOf(':');
  return colonAt === -1 || authority.endsWith(']') ? authority : authority.slice(0, colonAt);
}

/**
 * Whether both mean the same host and port: `EXAMPLE.com` equals `example.com`, and `:80` is the
 * default of an http URL. An unknown scheme has both default ports.
 */
export function isSameAuthority(one: string, other: string, scheme: 'http' | 'https' | undefined): boolean {
  if (one === other) return true;
  // Others differ by more than a default port; some callers compare with thousands of hosts.
  if (Math.abs(one.length - other.length) > ':443'.length) return false;
  return comparable(one, scheme) === comparable(other, scheme);
}

function comparable(authority: string, scheme: 'http' | 'https' | undefined): string {
  return authority.toLowerCase().replace(defaultPort[scheme ?? 'either'], '');
}

const defaultPort = { http: /:(?:80)?$/, https: /:(?:443)?$/, either: /:(?:80|443)?$/ } as const;

/** Where the host ends; -1: the whole is not an authority. Allocates nothing for names. */
function authorityHostEnd(text: string): number {
  if (text.length > maxCharacters) return -1;
  const end = text.startsWith('[') ? bracketedEnd(text) : nameEnd(text);
  if (end === 0 || end === text.length) return end === 0 ? -1 : end;
  return text.charCodeAt(end) === colon && isPort(text, end + 1) ? end : -1;
}

function nameEnd(text: string): number {
  let end = 0;
  while (end < text.length && isHostCharacter(text.charCodeAt(end))) end += 1;
  return end;
}

/** 0: not an IPv6 address in brackets. */
function bracketedEnd(text: string): number {
  const close = text.indexOf(']');
  const address = text.slice(1, close);
  return close !== -1 && isIPv6(address) && !hasZone(address) ? close + 1 : 0;
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

function isPort(text: string, start: number): boolean {
  if (text.length - start > maxPortDigits) return false;
  let port = 0;
  for (let i = start; i < text.length; i += 1) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return false;
    port = port * 10 + digit;
  }
  return port <= maxPort;
}
