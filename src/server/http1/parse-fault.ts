// Owns what Node's parser and timers make of what is no request, in our codes. Says nothing of which request on the connection, if
// any, was meant.
import { GatewayError } from '../../kernel/errors/gateway-error.ts';
import type { Socket } from 'node:net';

/** harmless: what was asked for is answered as if nothing had happened. gone: nobody is left to tell. */
export type ParseFault = GatewayError | 'harmless' | 'gone';

const lineFeed = 0x0a;

export function parseFaultOf(error: Error, socket: Socket): ParseFault {
  const code: unknown = 'code' in error ? error.code : undefined;
  if (typeof code !== 'string') return 'gone';
  switch (code) {
    case 'HPE_CLOSED_CONNECTION':
      // Data behind a request that was to be the last one: ignored, as RFC 9112 §9.6 asks.
      return 'harmless';
    case 'HPE_HEADER_OVERFLOW':
      return isWithinFirstLine(error, socket)
        ? new GatewayError('uri_too_long', 'The request line is too long.')
        : new GatewayError('headers_too_large', 'The request line and headers are too large.');
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new GatewayError('request_timeout', 'The request headers did not arrive in time.');
    case 'HPE_INVALID_EOF_STATE':
      return new GatewayError('invalid_request', 'The connection ended within a request.');
    case 'HPE_INVALID_METHOD':
      // RFC 9110 §9.1: a method that is well formed and that nobody here knows.
      return isRequestLine(error)
        ? new GatewayError('not_implemented', 'The gateway does not know this method.')
        : new GatewayError('invalid_request', 'This is not a valid HTTP/1.1 request.');
    default:
      return code.startsWith('HPE_')
        ? new GatewayError('invalid_request', 'This is not a valid HTTP/1.1 request.')
        : 'gone';
  }
}

/** A request line with nothing wrong but a method that the parser does not know. */
function isRequestLine(error: Error): boolean {
  const { rawPacket, bytesParsed } = error as Error & { rawPacket?: Buffer; bytesParsed?: number };
  if (rawPacket === undefined || bytesParsed === undefined) return false;
  const start = rawPacket.lastIndexOf(lineFeed, bytesParsed) + 1;
  const end = rawPacket.indexOf(lineFeed, start);
  return end !== -1 && /^[\w!#$%&'*+.^`|~-]+ [!-~]+ HTTP\/1\.[01]\r$/.test(rawPacket.toString('latin1', start, end));
}

/** The parser says how far it came, not within what. In the first packet of a connection, it came to no end of a line yet. */
function isWithinFirstLine(error: Error, socket: Socket): boolean {
  const { rawPacket, bytesParsed } = error as Error & { rawPacket?: Buffer; bytesParsed?: number };
  if (rawPacket === undefined || bytesParsed === undefined || rawPacket.length !== socket.bytesRead) return false;
  const end = rawPacket.indexOf(lineFeed);
  return end === -1 || bytesParsed <= end;
}
