// Reads as much as possible of a request head that the parser rejected, to find the origin for the
// CORS fields of the error response.
import type { GatewayError } from '../../kernel/errors/gateway-error.ts';
import { noHeaders, type RawHeaders, type RequestHead } from '../../kernel/http/http.ts';
import { corsFieldsOfError } from '../../pipeline/lease/lease-cors.ts';
import type { Policy } from '../../policy/policy.ts';
import { ClientExchange } from '../client-exchange.ts';
import { noBody } from '../client-request.ts';
import type { Peer } from '../listen/peer.ts';

/** Limit for a packet: Node reads no more at once. */
const maxBytes = 64 * 1024;
const requestLine = /^[A-Z]{1,32} ([!-~]+) HTTP\/1\.[01]$/;

/** The CORS fields of the error, if the whole head is in one packet, as browsers send it. */
export function corsFieldsOfUnread(parseError: Error, error: GatewayError, peer: Peer, policy: Policy): RawHeaders {
  const { rawPacket } = parseError as Error & { rawPacket?: Buffer };
  const req = rawPacket === undefined ? undefined : headOf(rawPacket);
  if (req === undefined) return noHeaders;
  // Never enters the pipeline, so it has no start.
  const exchange = ClientExchange.of({ req, body: noBody, httpVersion: '1.1', peer, startedMs: 0 }, policy);
  return corsFieldsOfError(exchange, error);
}

/** The complete lines of a head that begins with the packet. */
function headOf(packet: Buffer): RequestHead | undefined {
  const [first = '', ...lines] = packet.toString('latin1', 0, maxBytes).split('\r\n').slice(0, -1);
  const target = requestLine.exec(first)?.[1];
  if (target === undefined) return undefined;
  const headers: string[] = [];
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon <= 0) break;
    headers.push(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  return { method: first.slice(0, first.indexOf(' ')), target, headers, upgrade: false };
}
