// Maps errors of Node's HTTP parser and timers to gateway errors.
import { GatewayError } from '../../kernel/errors/gateway-error.ts';
import type { Socket } from 'node:net';

/**
 * harmless: the request is served as if nothing had happened. gone: no client is left to respond
 * to.
 */
export type ParseFault = GatewayError | 'harmless' | 'gone';

const lineFeed = 0x0a;

export function parseFaultOf(error: Error, socket: Socket): ParseFault {
  const code: unknown = 'code' in error ? error.code : undefined;
  if (typeof code !== 'string') return 'gone';
  switch (code) {
    case 'HPE_CLOSED_CONNECTION':
      // Data after the last request of the connection is ignored (RFC 9112 §9.6).
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
      // RFC 9110 §9.1: a well-formed but unknown method.
      return isRequestLine(error)
        ? new GatewayError('not_implemented', 'The gateway does not support this method.')
        : new GatewayError('invalid_request', 'This is not a valid HTTP/1.1 request.');
    default:
      return code.startsWith('HPE_')
        ? new GatewayError('invalid_request', 'This is not a valid HTTP/1.1 request.')
        : 'gone';
  }
}

/** A request line that is valid except for a method that the parser does not know. */
function isRequestLine(error: Error): boolean {
  const { rawPacket, bytesParsed } = error as Error & { rawPacket?: Buffer; bytesParsed?: number };
  if (rawPacket === undefined || bytesParsed === undefined) return false;
  const start = rawPacket.lastIndexOf(lineFeed, bytesParsed) + 1;
  const end = rawPacket.indexOf(lineFeed, start);
  return end !== -1 && /^[\w!#$%&'*+.^`|~-]+ [!-~]+ HTTP\/1\.[01]\r$/.test(rawPacket.toString('latin1', start, end));
}

/**
 * Whether the parser failed within the request line. The parser reports how far it came, not in
 * which part. Within the first packet of a connection, no line end before that position means the
 * request line.
 */
function isWithinFirstLine(error: Error, socket: Socket): boolean {
  const { rawPacket, bytesParsed } = error as Error & { rawPacket?: Buffer; bytesParsed?: number };
  if (rawPacket === undefined || bytesParsed === undefined || rawPacket.length !== socket.bytesRead) return false;
  const end = rawPacket.indexOf(lineFeed);
  return end === -1 || bytesParsed <= end;
}
