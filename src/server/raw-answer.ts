// Owns the answers that are written without Node's response, because there is none: to what is no HTTP request at all.
import { randomUUID } from 'node:crypto';
import { STATUS_CODES, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { GatewayError } from '../kernel/errors.ts';
import { problemOf } from './problem.ts';

/** Writes the problem and closes the connection: what follows on it can't be told from what was wrong. */
export function refuse(socket: Socket, error: GatewayError): void {
  const { status, headers, body } = problemOf(error, randomUUID());
  let head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\nConnection: close\r\nDate: ${new Date().toUTCString()}\r\n`;
  for (let i = 0; i < headers.length; i += 2) head += `${headers[i] ?? ''}: ${headers[i + 1] ?? ''}\r\n`;
  socket.write(`${head}\r\n`, 'latin1');
  socket.write(body);
  socket.destroySoon();
}

/** What Node's parser made of a request that it refused. */
export function answerParseError(error: Error, socket: Socket): void {
  // Node keeps the response that is under way here, and offers no other way to ask whether an answer has begun.
  const { _httpMessage: response } = socket as Socket & { readonly _httpMessage?: ServerResponse | null };
  const code: unknown = 'code' in error ? error.code : undefined;
  if (code === 'ECONNRESET' || !socket.writable || response?.headersSent === true) {
    socket.destroy();
    return;
  }
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      refuse(socket, new GatewayError('headers_too_large', 'The request line and headers are too large.'));
      return;
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      refuse(socket, new GatewayError('request_timeout', 'The request headers did not arrive in time.'));
      return;
    default:
      refuse(socket, new GatewayError('invalid_request', 'This is not a valid HTTP/1.1 request.'));
  }
}
