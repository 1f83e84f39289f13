// Owns what of a request's headers reaches an app: end-to-end fields, as received, without those that only the gateway may send.
// What the gateway adds is the caller's.
import { isHopByHop, namedByConnection } from '../kernel/hop-by-hop.ts';
import type { RawHeaders, RequestHead } from '../kernel/http.ts';
import { offerableProtocols } from '../kernel/upgrade-protocols.ts';

/** How a request must travel: most share pooled tunnels; what undici can't send, and upgrades, take a tunnel of their own. */
export type Carriage = 'pooled' | 'own' | 'upgrade';

export interface EndToEnd {
  /** Fresh: the caller may append. */
  readonly headers: string[];
  readonly carriage: Carriage;
  /** Names, in lower case, that are not for the app, neither in the head nor in trailers. */
  readonly dropped: readonly string[];
}

/** Fields that say who asked and by which way: a client that is not trusted must not speak for the gateway. */
const gatewayOnly: ReadonlySet<string> = new Set([
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-forwarded-prefix',
  'x-forwarded-port',
  'x-forwarded-server',
  'x-real-ip',
  'x-request-id',
]);
const gatewayPrefix = 'x-gateway-';

/** `withheld`: further names, in lower case, that are not for the app. */
export function endToEnd(req: RequestHead, withheld: readonly string[]): EndToEnd {
  const { headers: received } = req;
  const headers: string[] = [];
  let protocol: string | undefined;
  let carriage: Carriage = 'pooled';
  let chunked = false;
  let trailer = false;
  let named: readonly string[] | undefined;
  for (let i = 0; i < received.length; i += 2) {
    const original = received[i] ?? '';
    const value = received[i + 1] ?? '';
    const name = original.toLowerCase();
    switch (name) {
      case 'host':
      case 'content-length':
        continue;
      case 'connection':
        named = named === undefined ? namedByConnection(value) : [...named, ...namedByConnection(value)];
        continue;
      case 'upgrade':
        protocol = protocol === undefined ? value : `${protocol}, ${value}`;
        continue;
      case 'transfer-encoding':
        // undici holds the head back until the first piece of the body, which a client that streams both ways may send last; and
        // has no place for the trailers, announced or not.
        chunked = true;
        carriage = 'own';
        continue;
      case 'expect':
        carriage = 'own';
        break;
      case 'trailer':
        trailer = true;
        break;
      case 'max-forwards':
        if (req.method !== 'OPTIONS' || !/^\d{1,9}$/.test(value)) break;
        // RFC 9110 §7.6.2. Of 0 the routing took care.
        headers.push(original, String(Math.max(0, Number(value) - 1)));
        continue;
      default:
        if (isHopByHop(name) || isGatewayOnly(name)) continue;
    }
    if (withheld.includes(name)) continue;
    headers.push(original, value);
  }
  let dropped = withheld;
  if (named !== undefined && named.length > 0) {
    removeNamed(headers, named);
    dropped = [...withheld, ...named];
  }
  // Without chunks there is no place for trailers, and no use in announcing them.
  if (trailer && !chunked) removeNamed(headers, ['trailer']);
  if (req.upgrade && protocol !== undefined) {
    carriage = 'upgrade';
    headers.push('Connection', 'Upgrade', 'Upgrade', offerableProtocols(protocol).join(', '));
  }
  return { headers, carriage, dropped };
}

/** RFC 9110 §6.5.1: what frames or routes a message, authenticates it or says how to read it may not come behind it. */
const notInTrailers: ReadonlySet<string> = new Set([
  'authorization',
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
  'cookie',
  'expect',
  'host',
  'max-forwards',
  'trailer',
  'x-api-key',
]);

/** The trailers of a request that are end-to-end. `dropped`: see EndToEnd. */
export function endToEndTrailers(received: RawHeaders, dropped: readonly string[]): string[] {
  const trailers: string[] = [];
  for (let i = 0; i < received.length; i += 2) {
    const original = received[i] ?? '';
    const name = original.toLowerCase();
    if (notInTrailers.has(name) || isHopByHop(name) || isGatewayOnly(name) || dropped.includes(name)) continue;
    trailers.push(original, received[i + 1] ?? '');
  }
  return trailers;
}

/** What of a field's name servers may turn into the `_` of a variable, as they do `-` (RFC 3875 §4.1.18). */
const notAlphanumeric = /[^a-z0-9-]/g;

/** Servers that turn headers into variables (CGI) can't tell `_`, and some of them `.`, from `-`: no spelling is a client's to use. */
function isGatewayOnly(name: string): boolean {
  const dashed = name.replace(notAlphanumeric, '-');
  return dashed.startsWith(gatewayPrefix) || gatewayOnly.has(dashed);
}

function removeNamed(headers: string[], named: readonly string[]): void {
  let kept = 0;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? '';
    if (named.includes(name.toLowerCase())) continue;
    headers[kept] = name;
    headers[kept + 1] = headers[i + 1] ?? '';
    kept += 2;
  }
  headers.length = kept;
}
