// Owns a client's connection while it is between HTTP and another protocol: Node hands the bare socket over, and until the app
// agrees an ordinary answer may still be due on it.
import { ServerResponse, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { offerableProtocols } from '../../kernel/http/upgrade-protocols.ts';

/** A response on the bare socket; the connection ends with it, unless takeSocket() takes it away first. */
export function responseFor(request: IncomingMessage, socket: Socket, rest: Buffer): ServerResponse {
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(socket);
  if (rest.length > 0) socket.unshift(rest);
  socket.on('error', ignore);
  const drain = (): void => {
    response.emit('drain');
  };
  // Nobody reads yet, and only who reads learns that a client has left. What it sends ahead stays in the socket's buffer.
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
    // Of a response on a connection that it accepted Node says so itself.
    response.emit('close');
  });
  return response;
}

/** The socket, for another protocol. Undefined when the client is gone. */
export function takeSocket(response: ServerResponse): Socket | undefined {
  const { socket } = response;
  if (socket === null || socket.destroyed) return undefined;
  response.emit('switch');
  response.detachSocket(socket);
  return socket;
}

/** An upgrade without an offer that may reach the app is ignored (RFC 9110 §7.8): the request is served in HTTP/1.1. */
export function isWorthUpgrading(request: IncomingMessage): boolean {
  const { headers } = request;
  if (headers['transfer-encoding'] !== undefined || !/^0+$/.test(headers['content-length'] ?? '0')) return false;
  return offerableProtocols(headers.upgrade ?? '').length > 0;
}

function ignore(): void {
  // 'close' follows
}
