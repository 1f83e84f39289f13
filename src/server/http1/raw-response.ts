// Writes responses without Node's ServerResponse, for input that is not a valid HTTP request.
import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import type { GatewayError } from '../../kernel/errors/gateway-error.ts';
import { requestRefused } from '../../kernel/events.ts';
import { noHeaders, type RawHeaders } from '../../kernel/http/http.ts';
import { problemOf } from '../../kernel/errors/problem.ts';
import { securityHeaders } from '../../kernel/http/whole-response.ts';
import { dateField } from '../../kernel/clock.ts';
import { errorsUrlOfUnread } from '../../pipeline/references/errors-url.ts';
import type { Policy } from '../../policy/policy.ts';
import { endSoon } from '../../kernel/net/linger.ts';
import type { Peer } from '../listen/peer.ts';
import { STATUS_CODES } from '../../kernel/net/node-http.ts';

/**
 * Writes the problem and closes the connection, because further bytes cannot be parsed reliably.
 * `more`: extra fields of the response.
 */
export function refuse(
  socket: Socket,
  error: GatewayError,
  peer: Peer,
  policy: Policy,
  more: RawHeaders = noHeaders,
): void {
  const requestId = randomUUID();
  if (requestRefused.hasSubscribers) {
    requestRefused.publish({ requestId, error, clientIp: peer.ip });
  }
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const { status, headers, body } = problemOf(error, {
    proxy: 'portal-gateway',
    requestId,
    errorsUrl: errorsUrlOfUnread(policy),
  });
  const all = [...headers, ...securityHeaders(peer.encrypted), ...more, 'X-Request-ID', requestId];
  let head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\nConnection: close\r\nDate: ${dateField()}\r\n`;
  for (let i = 0; i < all.length; i += 2) head += `${all[i] ?? ''}: ${all[i + 1] ?? ''}\r\n`;
  socket.write(`${head}\r\n`, 'latin1');
  socket.write(body);
  endSoon(socket);
}
