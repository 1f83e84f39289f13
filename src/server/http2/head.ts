// Translates the head of an HTTP/2 request to HTTP/1.1 (RFC 9113 §8.3), the form that all stages
// and apps use. nghttp2 rejects malformed requests earlier: upper-case names, connection-specific
// fields, missing, repeated or misplaced pseudo-header fields, and bodies that do not match their
// Content-Length.
import { GatewayError } from '../../kernel/errors/gateway-error.ts';
import { methodsWithAnnouncedEmptyBody, type RawHeaders, type RequestHead } from '../../kernel/http/http.ts';
import { isSameAuthority } from '../../kernel/net/authority.ts';
import { paddedFieldFault } from './response-fields.ts';
import { isPassedOn, tunnelRequest, type Tunnelling } from './connect-stream.ts';
import { METHODS } from '../../kernel/net/node-http.ts';

export interface TranslatedHead {
  readonly req: RequestHead;
  readonly tunnelling: Tunnelling | undefined;
  /** Why the request is rejected. */
  readonly fault: GatewayError | undefined;
}

interface PseudoFields {
  method: string;
  scheme: string;
  authority: string | undefined;
  path: string;
  protocol: string | undefined;
}

/** The methods of Node's HTTP/1 parser, so that both versions accept the same. */
const knownMethods: ReadonlySet<string> = new Set(METHODS);

/** `raw`: as provided by Node. `ended`: there is no body. */
export function translateHead(raw: RawHeaders, ended: boolean, maxBytes: number): TranslatedHead {
  const pseudo: PseudoFields = { method: '', scheme: '', authority: undefined, path: '', protocol: undefined };
  const headers: string[] = ['Host', ''];
  let bytes = 0;
  let host: string | undefined;
  let cookieAt = -1;
  let sized = false;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] ?? '';
    const value = raw[i + 1] ?? '';
    // Counted as in HTTP/1.1, with colon, space and line end.
    bytes += name.length + value.length + 4;
    if (name.startsWith(':')) take(pseudo, name, value);
    else if (name === 'host') host = value;
    else if (name === 'cookie' && cookieAt !== -1) {
      // Split for better compression (RFC 9113 §8.2.3).
      headers[cookieAt] = `${headers[cookieAt] ?? ''}; ${value}`;
    } else {
      if (name === 'cookie') cookieAt = headers.length + 1;
      else if (name === 'content-length') sized = true;
      headers.push(name, value);
    }
  }
  const { method, authority, path, protocol } = pseudo;
  headers[1] = authority ?? host ?? '';
  const fault =
    bytes > maxBytes
      ? new GatewayError('headers_too_large', 'The request headers are too large.')
      : (faultOf(pseudo, host, sized) ?? paddedFieldFault(raw));
  if (fault !== undefined)
    return { req: { method, target: path, headers, upgrade: false }, tunnelling: undefined, fault };
  if (protocol !== undefined) return { ...tunnelRequest(path, protocol, headers), fault };
  if (!ended && !sized) headers.push('Transfer-Encoding', 'chunked');
  else if (ended && !sized && methodsWithAnnouncedEmptyBody.has(method)) headers.push('Content-Length', '0');
  return { req: { method, target: path, headers, upgrade: false }, tunnelling: undefined, fault };
}

function take(pseudo: PseudoFields, name: string, value: string): void {
  switch (name) {
    case ':method':
      pseudo.method = value;
      break;
    case ':scheme':
      pseudo.scheme = value;
      break;
    case ':authority':
      pseudo.authority = value;
      break;
    case ':path':
      pseudo.path = value;
      break;
    case ':protocol':
      pseudo.protocol = value;
  }
}

function faultOf(pseudo: PseudoFields, host: string | undefined, sized: boolean): GatewayError | undefined {
  const { method, scheme, authority, protocol } = pseudo;
  if (!knownMethods.has(method)) return notImplemented('The gateway does not support this method.');
  if (method === 'CONNECT' && protocol === undefined) return notImplemented('The gateway is not a forward proxy.');
  if (scheme !== 'https' && scheme !== 'http') return invalid('The scheme of the request is neither http nor https.');
  if (authority !== undefined && host !== undefined && !isSameAuthority(authority, host, scheme)) {
    return invalid('The :authority and the Host field name different hosts.');
  }
  if (protocol === undefined) return undefined;
  // A length of 0 is rejected as well: nghttp2 would treat the data of the tunnel as excess
  // content.
  if (sized) return invalid('A CONNECT request must not have content.');
  return isPassedOn(protocol) ? undefined : notImplemented('The gateway does not forward this protocol.');
}

function invalid(detail: string): GatewayError {
  return new GatewayError('invalid_request', detail);
}

function notImplemented(detail: string): GatewayError {
  return new GatewayError('not_implemented', detail);
}
