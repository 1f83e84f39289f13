// Owns where a request may carry its credential, and which of several counts (product-spec §5). Verifies nothing.
import type { RawHeaders } from '../kernel/http.ts';

export interface KeyCredential {
  readonly kind: 'key';
  readonly key: string;
  /** In lower case: the header that it came in. */
  readonly header: 'x-api-key' | 'authorization' | 'sec-websocket-protocol';
  /** Authorization beside it: the app's own, unless it holds a key of ours. A token without its scheme where that is Bearer. */
  readonly beside: string | undefined;
}

export type Credential =
  | KeyCredential
  | { readonly kind: 'none' }
  /** Another scheme than Bearer, or no token. */
  | { readonly kind: 'unusable' }
  | { readonly kind: 'ambiguous' };

export interface Found {
  readonly credential: Credential;
  /** What Sec-WebSocket-Protocol offers the app when the key is out of it, '' for nothing; undefined: no key is in it. */
  readonly protocols: string | undefined;
}

const none: Credential = { kind: 'none' };
const unusable: Credential = { kind: 'unusable' };
const ambiguous: Credential = { kind: 'ambiguous' };

const bearer = /^bearer(?:[ \t]+(.*))?$/is;
/** For browsers, which can set no header of a WebSocket: offered as a subprotocol. */
const protocolPrefix = 'portal-gateway.bearer.';

export function keyProtocol(key: string): string {
  return protocolPrefix + key;
}

/** `upgrade`: the request may be a WebSocket's. */
export function findCredential(headers: RawHeaders, upgrade: boolean): Found {
  const fields: Fields = { apiKeys: [], authorizations: [], protocols: [] };
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? '';
    // The length tells nearly every other field apart.
    if (name.length === 9 && name.toLowerCase() === 'x-api-key') fields.apiKeys.push(headers[i + 1] ?? '');
    else if (name.length === 13 && name.toLowerCase() === 'authorization') {
      fields.authorizations.push(headers[i + 1] ?? '');
    } else if (name.length === 22 && name.toLowerCase() === 'sec-websocket-protocol') {
      fields.protocols.push(...(headers[i + 1] ?? '').split(',').map((protocol) => protocol.trim()));
    }
  }
  const isKey = (protocol: string): boolean => protocol.startsWith(protocolPrefix);
  const keys = fields.protocols.filter(isKey);
  return {
    credential: choose(fields, upgrade ? keys.map((protocol) => protocol.slice(protocolPrefix.length)) : []),
    protocols: keys.length === 0 ? undefined : fields.protocols.filter((protocol) => !isKey(protocol)).join(', '),
  };
}

interface Fields {
  readonly apiKeys: string[];
  readonly authorizations: string[];
  /** One by one. */
  readonly protocols: string[];
}

function choose({ apiKeys, authorizations }: Fields, offeredKeys: readonly string[]): Credential {
  const [authorization] = authorizations;
  const keys = [...apiKeys, ...offeredKeys];
  if (keys.length > 1 || authorizations.length > 1) return ambiguous;
  const token = authorization === undefined ? undefined : bearer.exec(authorization);
  // A token has no comma (RFC 6750 §2.1): these are two credentials that somebody on the way has joined (RFC 9110 §5.3).
  if (token?.[1]?.includes(',') === true) return ambiguous;
  const [key] = keys;
  if (key !== undefined) {
    const header = apiKeys.length > 0 ? 'x-api-key' : 'sec-websocket-protocol';
    return { kind: 'key', key: utf8(key), header, beside: (token?.[1] ?? authorization)?.trim() };
  }
  if (authorization === undefined) return none;
  const bearerKey = token?.[1]?.trim() ?? '';
  if (bearerKey === '') return unusable;
  return { kind: 'key', key: utf8(bearerKey), header: 'authorization', beside: undefined };
}

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Headers are bytes, one to a character; keys made elsewhere may have letters that take more than one. */
function utf8(text: string): string {
  if (!/[\u0080-\u00ff]/.test(text)) return text;
  try {
    return strict.decode(Buffer.from(text, 'latin1'));
  } catch {
    return text;
  }
}
