// Handles a client's connection between HTTP and another protocol: Node hands over the bare socket,
// and until the app agrees to switch, an ordinary response may still be due on it.
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { offerableProtocols } from '../../kernel/http/upgrade-protocols.ts';
import { ignore } from '../../kernel/ignore.ts';
import { ServerResponse } from '../../kernel/net/node-http.ts';

/**
 * Creates a response on the bare socket. The connection ends with it, unless takeSocket() takes the
 * socket first.
 */
export function responseFor(request: IncomingMessage, socket: Socket, rest: Buffer): ServerResponse {
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(socket);
  if (rest.length > 0) socket.unshift(rest);
  socket.on('error', ignore);
  const drain = (): void => {
    response.emit('drain');
  };
  // The socket has no reader yet, and only reading reveals that a client has left. Input that
  // arrives early stays in the socket's buffer.
  const watch = (): void => {
    if (socket.readableLength === 0) socket.read();
  };
  const left = (): void => {
    socket.destroy();
  };
  socket.on('drain', drain).on('readable', watch).on('end', left);
  response.once('switch', () => {
    socket.off('drain', drain).off('readable', watch).off('end', left);
  });
  response.once('finish', () => {
    response.detachSocket(socket);
    socket.destroySoon();
    // For a response on a connection that it accepted, Node emits this itself.
    response.emit('close');
  });
  return response;
}

/** Takes the socket for another protocol. Undefined: the client is gone. */
export function takeSocket(response: ServerResponse): Socket | undefined {
  const { socket } = response;
  if (socket === null || socket.destroyed) return undefined;
  response.emit('switch');
  response.detachSocket(socket);
  return socket;
}

/**
 * An Upgrade that offers no protocol we may forward is ignored (RFC 9110 §7.8): the request is
 * served in HTTP/1.1.
 */
export function isWorthUpgrading(request: IncomingMessage): boolean {
  const { headers } = request;
  if (headers['transfer-encoding'] !== undefined || !/^0+$/.test(headers['content-length'] ?? '0')) return false;
  return offerableProtocols(headers.upgrade ?? '').length > 0;
}
