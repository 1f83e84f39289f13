// The forwarding headers to an app: the client, the proxies on the way, and the URL under which the
// client reaches the app (docs/guides/request-headers.md).
import type { Exchange } from '../stage.ts';

/** Appends to the headers of a request. */
export function addForwarded(headers: string[], { clientIp, proxies, scheme, authority = '', route }: Exchange): void {
  const chain = proxies.length === 0 ? clientIp : `${clientIp}, ${proxies.join(', ')}`;
  headers.push('X-Forwarded-For', chain, 'X-Forwarded-Proto', scheme);
  if (authority !== '') headers.push('X-Forwarded-Host', authority);
  if (route !== undefined && route.prefix !== '') headers.push('X-Forwarded-Prefix', route.prefix);
  headers.push('Forwarded', forwarded(clientIp, proxies, authority, scheme));
}

/** RFC 7239: one element per hop, the first one for the client. */
function forwarded(clientIp: string, proxies: readonly string[], host: string, scheme: string): string {
  let value = `for=${node(clientIp)}`;
  if (host !== '') value += `;host="${quoted(host)}"`;
  value += `;proto=${scheme}`;
  for (const proxy of proxies) value += `, for=${node(proxy)}`;
  return value;
}

/** RFC 7239 §6: IPv6 addresses are bracketed, and values that are not tokens are quoted. */
function node(address: string): string {
  return address.includes(':') ? `"[${address}]"` : address;
}

function quoted(text: string): string {
  return text.includes('"') || text.includes('\\') ? text.replaceAll(/["\\]/g, '\\$&') : text;
}
