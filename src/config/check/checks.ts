// Syntax checks of addresses, URLs, names and headers. Pure: no lookups.
import { createPrivateKey } from 'node:crypto';
import { isIP, isIPv6 } from 'node:net';
import { parseAuthority } from '../../kernel/net/authority.ts';
import { isLoopback, withoutBrackets } from '../../kernel/net/ip.ts';
import { isLeaseId as isCanonicalId, leaseIdIn } from '../../kernel/lease-name.ts';
import { isOwnKey } from '../../kernel/api-key-format.ts';
import { v1RelayForm, v2RelayFault } from '../../kernel/relay-generations.ts';
import { isMethodOverride, isRemoved, isWrittenByGateway } from '../../kernel/http/removed-headers.ts';
import type { TextCheck } from '../schema/fields.ts';

/** RFC 1123 §2.1, with the lengths of RFC 1035 §2.3.4. */
const domainName = /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/i;
/** Container names may have underscores. */
const hostName =
  /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*$/i;
/** RFC 9110 §5.6.2 */
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/;
/** RFC 9110 §5.5: visible characters, with spaces and tabs between them. */
const fieldValue = /^(?:[!-~\u0080-\u00ff](?:[\t -~\u0080-\u00ff]{0,8190}[!-~\u0080-\u00ff])?)?$/;

const isHost = (text: string): boolean => isIP(text) !== 0 || hostName.test(text);

/** An address to listen on; an IPv6 address may have brackets as in URLs. */
export const isListenHost: TextCheck = (text) => isHost(withoutBrackets(text));

/** For `gateway.host`: only this machine can connect. */
export function isLoopbackHost(host: string): boolean {
  return host === 'localhost' || isLoopback(host);
}

export const isDomain: TextCheck = (text) => domainName.test(text) && isIP(text) === 0;

/** HOST or HOST:PORT, with an IPv6 address in brackets, as in a Host header. */
export const isHostAndPort: TextCheck = (text) => {
  const parsed = parseAuthority(text);
  if (parsed === undefined || Number(parsed.port ?? 1) < 1) return false;
  return parsed.host.startsWith('[') || isHost(parsed.host);
};

/** `*`, `*.DOMAIN`, or an authority. */
export const isHostPattern: TextCheck = (text) => {
  if (text === '*') return true;
  if (isIPv6(text)) return `must have brackets: [${text}]`;
  if (text.includes('/')) return 'must be a host only, without a scheme or a path';
  return isHostAndPort(text.startsWith('*.') ? text.slice(2) : text);
};

export const isRelayUrl: TextCheck = (text) => {
  const url = /\s/.test(text) ? null : URL.parse(text);
  if (url === null) return false;
  if (url.protocol === 'https:') return `${v2RelayFault}; ${v1RelayForm}`;
  if (url.protocol !== 'ws:' && url.protocol !== 'wss:') return false;
  if (url.username !== '' || url.password !== '') return 'must not contain a user name or password: relays accept none';
  if (url.hash !== '') return 'must not have a fragment (#…)';
  return url.port === '0' ? 'must name the port of the relay, not 0' : true;
};

/**
 * Serialised as browsers send it (RFC 6454 §6.1), lower case and without a default port, so that it
 * can be compared as text.
 */
export const isOrigin: TextCheck = (text) => {
  if (text === '*' || text === 'null') return true;
  if (text.includes('*')) return 'must be one origin, or * for all';
  const url = URL.parse(text);
  if (url === null || url.host === '') return false;
  const origin = `${url.protocol}//${url.host}`;
  return text === origin || `must be written as browsers send it: ${origin}`;
};

export const isToken: TextCheck = (text) => token.test(text);

/** A header that is removed from the requests of clients (docs/guides/request-headers.md). */
export const isForwardableHeader: TextCheck = (text) => {
  const name = text.toLowerCase();
  if (text.includes('*')) return 'must be the full name of one header, without *';
  if (isWrittenByGateway(name)) return 'is written by the gateway itself and cannot be forwarded';
  if (isMethodOverride(name))
    return 'needs no entry here: it is forwarded for callers with the scope of the method that it names, and for no others';
  if (!token.test(text)) return false;
  return isRemoved(name) || 'is not a header that the gateway removes, and needs no entry here';
};

/**
 * The gateway itself does the framing; settings that change it would allow request smuggling. RFC
 * 9112 §6, RFC 9110 §7.6.1.
 */
const reserved = new Set([
  ...['connection', 'content-length', 'expect', 'http2-settings', 'keep-alive', 'proxy-connection', 'te', 'trailer'],
  ...['transfer-encoding', 'upgrade'],
]);

export const isChangeableHeader: TextCheck = (text) => {
  if (!token.test(text)) return false;
  const name = text.toLowerCase();
  if (name === 'host') return 'cannot be set here: use host_header';
  return reserved.has(name) ? 'belongs to the connection, so it cannot be set or removed' : true;
};

export const isFieldValue: TextCheck = (text) => fieldValue.test(text);

export const isLeaseId: TextCheck = (text) => isCanonicalId(text);

/**
 * Bounds any name that a request can contain (route/peer-path.ts): publishers other than `expose`
 * may use names that it does not allow.
 */
const maxNameCharacters = 255;
// eslint-disable-next-line no-control-regex -- they are what must not be in a name
const unprintable = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;

export const isLeaseName: TextCheck = (text) =>
  text.trim() !== '' && text.length <= maxNameCharacters && !unprintable.test(text) && !text.includes('*');

/** Only names can be pinned: a lease id already identifies its app. */
export const isPinnableName: TextCheck = (text) =>
  leaseIdIn(text) === undefined ? isLeaseName(text) : 'has the format of a lease id, so it cannot be a name';

/** `exact`, `prefix-*` or `*`. */
export const isLeasePattern: TextCheck = (text) => text === '*' || isLeaseName(text.replace(/(?<=.)\*$/s, ''));

/** The id of a key is a principal. `:`, `*` and `anonymous` mark other kinds of principals. */
export const isKeyName: TextCheck = (text) =>
  /^[\w.@+-]{1,64}$/.test(text) && text !== 'anonymous'
    ? true
    : text.includes(':')
      ? 'must not contain a colon'
      : false;

/** Keys are sent in a header (RFC 9110 §5.5): visible ASCII characters only. */
export const isKey: TextCheck = (text) => /^[!-~]{1,512}$/.test(text);

/**
 * The standard bcrypt format, with widely supported versions and a cost that is neither weak nor
 * slow enough to stall the gateway.
 */
export const isBcryptHash: TextCheck = (text) => {
  const cost = Number(/^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/.exec(text)?.[1]);
  if (Number.isNaN(cost)) {
    const looksLike = text.startsWith('$2');
    return looksLike
      ? 'is not a complete bcrypt hash, which has 60 characters: $2b$, two digits of cost, $ and 53 more'
      : false;
  }
  return (cost >= 10 && cost <= 14) || `has the cost ${cost}; it must be 10 to 14`;
};

/**
 * For keys of other systems, in any alphabet. The prefix is not a secret and is shown, so a whole
 * key is rejected without being quoted.
 */
export const isKeyPrefix: TextCheck = (text) => {
  if (!/^[!-~\u{a1}-\u{10ffff}]{8,}$/u.test(text)) return false;
  return (
    (text.length <= 64 && !isOwnKey(text)) ||
    'holds too much of the key: use its first 8 to 64 characters, or the first 24 of a key created with "keys create"'
  );
};

/** RFC 6749 §3.3, without the characters that separate principals. */
export const isScope: TextCheck = (text) => /^[\w.:/+-]{1,64}$/.test(text);

/** RFC 3339 §5.6 and §5.7. Date would accept 30 February as 2 March, and 24:00 as the next day. */
export const isTimestamp: TextCheck = (text) => {
  const form = /^(\d{4}-\d\d-\d\dT\d\d):\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/i;
  const hour = form.exec(text)?.[1]?.toUpperCase();
  if (hour === undefined || Number.isNaN(Date.parse(text))) return false;
  return new Date(`${hour}:00:00Z`).toISOString().startsWith(hour);
};

/**
 * Kinds of principals that no caller can have yet, and the feature that adds them. A rule that
 * never matches is worse than an error.
 */
const principalsToCome: ReadonlyMap<string, string> = new Map([
  ['sub', 'tokens (auth.jwt)'],
  ['group', 'tokens (auth.jwt)'],
  ['tenant', 'tenants'],
]);

export const principalForms = 'the id of a key, scope:…, * (any with a credential) or anonymous';

export const isPrincipal: TextCheck = (text) => {
  if (text === '*' || text === 'anonymous') return true;
  if (isOwnKey(text)) return 'must be the id of a key, not the key itself';
  const colon = text.indexOf(':');
  if (colon === -1) return isKeyName(text);
  const kind = text.slice(0, colon);
  const notYet = principalsToCome.get(kind);
  if (notYet !== undefined) {
    return `is not supported yet: ${kind}: comes with ${notYet}, and no caller matches it in this version; remove it`;
  }
  if (kind !== 'scope') return `has the unknown kind ${kind}: (only scope: is supported)`;
  return /^[!-~]{1,256}$/.test(text.slice(colon + 1));
};

export const isBucketName: TextCheck = (text) => text === '*' || /^[\w.@+-]{1,64}$/.test(text);

/** The id of a key, or `*` for all other keys. */
export const isKeyNameOrAny: TextCheck = (text) => text === '*' || isKeyName(text);

/** Valid if Intl knows the time zone. */
export const isTimeZone: TextCheck = (text) => {
  // Intl takes 8 MiB and 30 ms when it is first used.
  if (text === 'UTC') return true;
  try {
    return new Intl.DateTimeFormat('en', { timeZone: text }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
};

export const isMethodOrEmpty: TextCheck = (text) => text === '' || isToken(text);

export const isRedisUrl: TextCheck = (text) => {
  if (/^[a-z+-]*sentinel[a-z+-]*:/i.test(text)) return noSentinel;
  if (/^rediss?:\/\/[^/?#]*,/i.test(text)) return `must name only one host; for a Redis cluster, any of its nodes`;
  const url = /\s/.test(text) ? null : URL.parse(text);
  if (url === null || !['redis:', 'rediss:', 'unix:'].includes(url.protocol)) return false;
  if (/sentinel/i.test(url.search)) return noSentinel;
  if (url.search !== '' || url.hash !== '') return 'must not have a query or a fragment';
  if (url.protocol === 'unix:') return url.pathname.length > 1;
  if (url.hostname === '') return false;
  return /^\/?\d{0,4}$/.test(url.pathname) || 'must end with the number of the database, as in redis://HOST:6379/1';
};

const noSentinel =
  'names Redis Sentinel, which is not supported: use a redis:// or rediss:// URL whose host name resolves to the primary, also after a failover, or a node of a Redis cluster';

/** A private key in PEM. The message states the type of a wrong key, never its content. */
export const isEd25519Key: TextCheck = (text) => {
  try {
    const { asymmetricKeyType = 'unknown' } = createPrivateKey(text);
    return asymmetricKeyType === 'ed25519' || `must be an Ed25519 private key, not one of type ${asymmetricKeyType}`;
  } catch {
    return false;
  }
};

export const isPublicUrl: TextCheck = (text) => {
  const url = /^https?:\/\/[!-~]{1,256}$/.test(text) ? URL.parse(text) : null;
  if (url === null) return false;
  if (url.username !== '' || url.password !== '') return 'must not contain a user name or password';
  return (url.search === '' && url.hash === '') || 'must not have a query or a fragment';
};

export const isHttpPath: TextCheck = (text) => {
  if (!/^\/[\w.~/-]{1,200}$/.test(text)) return false;
  const taken = ['/peer', '/ws', '/health', '/admin', '/console', '/.well-known'].find(
    (path) => text === path || text.startsWith(`${path}/`),
  );
  return taken === undefined || `must not be at or below ${taken}, which the gateway uses itself`;
};

export const anyText: TextCheck = (text) => text.length <= 1024;
