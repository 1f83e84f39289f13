// The rule for protocols in `Upgrade` and `:protocol` (RFC 9110 §7.8, RFC 8441): which offers are
// forwarded to an app, and which of them it may switch to. HTTP inside HTTP is never allowed,
// because its requests would bypass authentication, limits and the removal of headers.

/**
 * protocol = protocol-name ["/" protocol-version], both tokens. Other texts may be read differently
 * by another parser.
 */
const protocolForm = /^([\w!#$%&'*+.^`|~-]+)(?:\/[\w!#$%&'*+.^`|~-]+)?$/;

/**
 * Prefixes of the names of HTTP, by version or by ALPN id (`h2c`, `h2-14`, `h3`), and of TLS, which
 * can carry HTTP (RFC 2817).
 */
const httpNames = /^(?:https?|h[23]|tls)/;

/**
 * Whether an app may be offered this protocol: well-formed, and neither HTTP nor a layer that
 * carries it.
 */
export function isOfferable(protocol: string): boolean {
  const name = protocolForm.exec(protocol)?.[1];
  return name !== undefined && !httpNames.test(name.toLowerCase());
}

/** The protocols of an `Upgrade` list that may be offered to an app, as the client wrote them. */
export function offerableProtocols(list: string): string[] {
  return elementsOf(list).filter(isOfferable);
}

/** Whether a 101 switches to offered protocols only. Both arguments are values of `Upgrade`. */
export function isOffered(chosen: string | undefined, offered: string): boolean {
  const offers = new Set(offerableProtocols(offered).map((protocol) => protocol.toLowerCase()));
  const protocols = elementsOf(chosen ?? '');
  return protocols.length > 0 && protocols.every((protocol) => offers.has(protocol.toLowerCase()));
}

function elementsOf(list: string): string[] {
  return list
    .split(',')
    .map((element) => element.trim())
    .filter((element) => element !== '');
}
