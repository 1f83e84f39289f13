// Owns where a request may carry its credential, and which of several counts (product-spec §5). Verifies nothing.
import type { RawHeaders } from '../kernel/http.ts';

export interface KeyCredential {
  readonly kind: 'key';
  readonly key: string;
  /** In lower case: the header that it came in. */
  readonly header: 'x-api-key' | 'authorization' | 'sec-websocket-protocol';
  /** Of Sec-WebSocket-Protocol: what is left for the app to choose from; '' for the other headers. */
  readonly remainingProtocols: string;
  /** A bearer token beside an X-API-Key: the app's own, unless it is a key of ours. */
  readonly beside: string | undefined;
}

export type Credential =
  | KeyCredential
  | { readonly kind: 'none' }
  /** Another scheme than Bearer, or no token. */
  | { readonly kind: 'unusable' }
  | { readonly kind: 'ambiguous' };

const none: Credential = { kind: 'none' };
const unusable: Credential = { kind: 'unusable' };
const ambiguous: Credential = { kind: 'ambiguous' };

const bearer = 'bearer ';
/** For browsers, which can set no header of a WebSocket: offered as a subprotocol. */
const protocolPrefix = 'portal-gateway.bearer.';

/** `upgrade`: the request may be a WebSocket's. */
export function findCredential(headers: RawHeaders, upgrade: boolean): Credential {
  let apiKey: string | undefined;
  let authorization: string | undefined;
  let protocols: string | undefined;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? '';
    // The length tells nearly every other field apart.
    if (name.length === 9 && name.toLowerCase() === 'x-api-key') {
      if (apiKey !== undefined) return ambiguous;
      apiKey = headers[i + 1] ?? '';
    } else if (name.length === 13 && name.toLowerCase() === 'authorization') {
      if (authorization !== undefined) return ambiguous;
      authorization = headers[i + 1] ?? '';
    } else if (upgrade && name.length === 22 && name.toLowerCase() === 'sec-websocket-protocol') {
      protocols = protocols === undefined ? (headers[i + 1] ?? '') : `${protocols}, ${headers[i + 1] ?? ''}`;
    }
  }
  const token = authorization === undefined ? undefined : bearerToken(authorization);
  const key = { kind: 'key', remainingProtocols: '', beside: undefined } as const;
  if (apiKey !== undefined) return { ...key, key: apiKey, header: 'x-api-key', beside: token };
  if (authorization !== undefined) {
    if (token === undefined) return unusable;
    // Two credentials that somebody on the way has joined (RFC 9110 §5.3).
    return token.includes(',') ? ambiguous : { ...key, key: token, header: 'authorization' };
  }
  return protocols === undefined ? none : fromProtocols(protocols);
}

function bearerToken(authorization: string): string | undefined {
  if (authorization.slice(0, bearer.length).toLowerCase() !== bearer) return undefined;
  const token = authorization.slice(bearer.length).trim();
  return token === '' ? undefined : token;
}

function fromProtocols(offered: string): Credential {
  const all = offered.split(',').map((protocol) => protocol.trim());
  const keys = all.filter((protocol) => protocol.startsWith(protocolPrefix));
  const [first] = keys;
  if (first === undefined) return none;
  if (keys.length > 1) return ambiguous;
  return {
    ...{ kind: 'key', key: first.slice(protocolPrefix.length), header: 'sec-websocket-protocol', beside: undefined },
    remainingProtocols: all.filter((protocol) => protocol !== first).join(', '),
  };
}
