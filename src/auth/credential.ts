// Finds the credential of a request, and decides which one counts when there are several. Verifies
// nothing: the caller classifies tokens.
import type { RawHeaders } from '../kernel/http/http.ts';
import { spellingsOf } from '../kernel/http/removed-headers.ts';
import { basicPassword } from './basic.ts';
import { utf8 } from './header-text.ts';

export interface KeyCredential {
  readonly kind: 'key';
  readonly key: string;
  /** The header that carried the key, in lower case. */
  readonly header: 'x-gateway-key' | 'x-api-key' | 'authorization' | 'sec-websocket-protocol';
  /** The key is the password of Basic, which browsers store and send by themselves. */
  readonly basic?: true;
}

export type Credential =
  | KeyCredential
  | { readonly kind: 'none' }
  /** A scheme that is not accepted, or no token. */
  | { readonly kind: 'unusable' }
  /** A relevant header occurs twice, or two were joined into one. */
  | { readonly kind: 'ambiguous' }
  /** Two credentials of this gateway. */
  | { readonly kind: 'two' };

/**
 * Whether a token is one of our keys, as far as can be decided without computing a hash. `ours`: by
 * its format, its prefix, or because it verified before. `possible`: only a hash would tell.
 */
export type Claim = 'ours' | 'possible' | 'foreign';

/** Every header that may hold a credential, as received. */
export interface CredentialFields {
  readonly gatewayKeys: readonly string[];
  readonly apiKeys: readonly string[];
  readonly authorizations: readonly string[];
  /**
   * Lower-case names that CGI and WSGI apps read as X-API-Key (RFC 3875 §4.1.18), such as
   * x_api_key, and their values. Never a credential, but a key in one must not reach an app.
   */
  readonly disguised: readonly (readonly [name: string, value: string])[];
  /** Keys found among the offered subprotocols. */
  readonly offeredKeys: readonly string[];
  /**
   * The subprotocols without those keys, '' when none is left; undefined when no key was offered.
   */
  readonly protocols: string | undefined;
}

export interface ChoiceRules {
  /** Whether the request may open a WebSocket: only then may a subprotocol carry a key. */
  readonly upgrade: boolean;
  /**
   * Whether the lease needs no credential: if so, a header without one of our keys belongs to the
   * app.
   */
  readonly isOpen: () => boolean;
  /** Whether a key may be the password of Basic. */
  readonly basic: boolean;
  readonly claimOf: (token: string) => Claim;
  /** Whether one of our keys stands anywhere in a value, in any encoding. */
  readonly holdsKey: (value: string) => boolean;
}

const none: Credential = { kind: 'none' };
const unusable: Credential = { kind: 'unusable' };
const ambiguous: Credential = { kind: 'ambiguous' };
const two: Credential = { kind: 'two' };

const likeApiKey = spellingsOf(['x-api-key']);
const bearer = /^bearer(?:[ \t](.*))?$/is;
/** Browsers cannot set headers on a WebSocket, so they send the key as a subprotocol. */
const protocolPrefix = 'portal-gateway.bearer.';

export function keyProtocol(key: string): string {
  return protocolPrefix + key;
}

export function credentialFields(headers: RawHeaders): CredentialFields {
  const gatewayKeys: string[] = [];
  const apiKeys: string[] = [];
  const authorizations: string[] = [];
  const disguised: [name: string, value: string][] = [];
  const protocols: string[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? '';
    const value = headers[i + 1] ?? '';
    // The length rules out nearly every other header.
    if (name.length === 9) {
      const lower = name.toLowerCase();
      if (lower === 'x-api-key') apiKeys.push(value);
      else if (likeApiKey.test(lower)) disguised.push([lower, value]);
    } else if (name.length === 13) {
      const lower = name.toLowerCase();
      if (lower === 'authorization') authorizations.push(value);
      else if (lower === 'x-gateway-key') gatewayKeys.push(value);
    } else if (name.length === 22 && name.toLowerCase() === 'sec-websocket-protocol') {
      protocols.push(...value.split(',').map((protocol) => protocol.trim()));
    }
  }
  const isKey = (protocol: string): boolean => protocol.startsWith(protocolPrefix);
  const offeredKeys = protocols.filter(isKey).map((protocol) => protocol.slice(protocolPrefix.length));
  const left = offeredKeys.length === 0 ? undefined : protocols.filter((protocol) => !isKey(protocol)).join(', ');
  return { gatewayKeys, apiKeys, authorizations, disguised, offeredKeys, protocols: left };
}

/** Considers `X-Gateway-Key` only, whatever other headers hold. */
export function gatewayKeyOf({ gatewayKeys }: CredentialFields): Credential {
  const [key] = gatewayKeys;
  if (key === undefined) return none;
  return gatewayKeys.length > 1 ? ambiguous : { kind: 'key', key: utf8(key), header: 'x-gateway-key' };
}

/** Considers every place that may carry a credential. */
export function chooseCredential(fields: CredentialFields, rules: ChoiceRules): Credential {
  const offered = rules.upgrade ? fields.offeredKeys : [];
  const own = gatewayKeyOf(fields);
  // With X-Gateway-Key present, Authorization and X-API-Key belong to the app. A subprotocol with a
  // key does not.
  if (own.kind !== 'none') return offered.length > 0 ? two : own;
  const { apiKeys, authorizations } = fields;
  if (apiKeys.length > 1 || authorizations.length > 1 || offered.length > 1) return ambiguous;
  const authorization = authorizationOf(authorizations[0]);
  if (authorization === 'ambiguous') return ambiguous;
  const apiKey = apiKeys[0] === undefined ? undefined : utf8(apiKeys[0]);
  if (offered[0] !== undefined) {
    const claims = claimsOn(apiKey, authorization, rules);
    if (claims.apiKey === 'ours' || claims.authorization === 'ours') return two;
    return { kind: 'key', key: utf8(offered[0]), header: 'sec-websocket-protocol' };
  }
  return betweenTwo(apiKey, authorization, rules);
}

interface Authorization {
  readonly scheme: 'bearer' | 'basic' | 'other';
  /** The Bearer token, or the password of Basic; for other schemes the whole value. */
  readonly token: string;
  /** As received. */
  readonly value: string;
}

function betweenTwo(
  apiKey: string | undefined,
  authorization: Authorization | undefined,
  rules: ChoiceRules,
): Credential {
  const isOpen = (apiKey ?? authorization) !== undefined && rules.isOpen();
  // A single header, and the lease requires a credential: its value is the credential.
  if (!isOpen && (apiKey === undefined || authorization === undefined)) {
    return credentialIn(apiKey, authorization, rules);
  }
  const claims = claimsOn(apiKey, authorization, rules);
  if (claims.apiKey === 'ours') return claims.authorization === 'ours' ? two : credentialIn(apiKey, undefined, rules);
  if (claims.authorization === 'ours') return credentialIn(undefined, authorization, rules);
  if (claims.apiKey === 'possible') return credentialIn(apiKey, undefined, rules);
  if (claims.authorization === 'possible' && authorization !== undefined && isUsable(authorization, rules)) {
    return credentialIn(undefined, authorization, rules);
  }
  return isOpen ? none : credentialIn(apiKey, authorization, rules);
}

interface Claims {
  readonly apiKey: Claim;
  readonly authorization: Claim;
}

function claimsOn(apiKey: string | undefined, authorization: Authorization | undefined, rules: ChoiceRules): Claims {
  return {
    apiKey: apiKey === undefined ? 'foreign' : claimOn(apiKey, apiKey, rules),
    authorization: authorization === undefined ? 'foreign' : claimOn(authorization.token, authorization.value, rules),
  };
}

/**
 * One of our keys where it does not belong (`X-API-Key: Bearer KEY`, the user of Basic, Basic where
 * it is not accepted, malformed values) counts as ours: it is rejected and not forwarded to the
 * app.
 */
function claimOn(token: string, value: string, { claimOf, holdsKey }: ChoiceRules): Claim {
  const claim = claimOf(token);
  return claim !== 'ours' && holdsKey(value) ? 'ours' : claim;
}

function credentialIn(
  apiKey: string | undefined,
  authorization: Authorization | undefined,
  rules: ChoiceRules,
): Credential {
  if (apiKey !== undefined) return { kind: 'key', key: apiKey, header: 'x-api-key' };
  if (authorization === undefined) return none;
  if (!isUsable(authorization, rules)) return unusable;
  const { token: key, scheme } = authorization;
  return { kind: 'key', key, header: 'authorization', ...(scheme === 'basic' && { basic: true }) };
}

function isUsable({ scheme, token }: Authorization, { basic }: ChoiceRules): boolean {
  return token !== '' && (scheme === 'bearer' || (scheme === 'basic' && basic));
}

function authorizationOf(value: string | undefined): Authorization | 'ambiguous' | undefined {
  if (value === undefined) return undefined;
  const match = bearer.exec(value);
  if (match === null) {
    const password = basicPassword(value);
    if (password !== undefined) return { scheme: 'basic', token: password, value };
    return { scheme: 'other', token: utf8(value.trim()), value };
  }
  const token = match[1]?.trim() ?? '';
  // A token has no comma (RFC 6750 §2.1): an intermediary joined two credentials (RFC 9110 §5.3).
  return token.includes(',') ? 'ambiguous' : { scheme: 'bearer', token: utf8(token), value };
}
