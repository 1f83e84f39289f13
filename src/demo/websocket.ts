// Serves /ws: a WebSocket that echoes text and binary messages, as fast as the client reads.
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { ignore } from '../kernel/ignore.ts';
import { WebSocketServer, type RawData, type WebSocket } from 'ws';

const maxMessageBytes = 16 * 1024 * 1024;
/** Above this many unsent bytes, reading pauses. */
const highWaterBytes = 1024 * 1024;

export function echoWebSockets(): (request: IncomingMessage, socket: Duplex, head: Buffer) => void {
  const server = new WebSocketServer({
    noServer: true,
    maxPayload: maxMessageBytes,
    handleProtocols: (offered) => offered.values().next().value ?? false,
  });
  server.on('connection', (socket) => {
    socket.on('error', ignore);
    socket.on('message', (data, isBinary) => {
      echo(socket, data, isBinary);
    });
  });
  return (request, socket, head) => {
    server.handleUpgrade(request, socket, head, (accepted) => {
      server.emit('connection', accepted, request);
    });
  };
}

function echo(socket: WebSocket, data: RawData, isBinary: boolean): void {
  socket.send(data, { binary: isBinary }, () => {
    if (socket.isPaused && socket.bufferedAmount <= highWaterBytes) socket.resume();
  });
  if (socket.bufferedAmount > highWaterBytes) socket.pause();
}
