// Hands control frames to `ws` when its socket is read by us: calls the listener by which `ws`
// reads its socket. That is not part of the API of `ws`, whose version is therefore pinned;
// control-frames.test.ts lists what is relied upon.
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';

/** FIN, opcode 10, no payload (RFC 6455 §5.5.3): an unsolicited pong has no effect. */
const emptyPong = Buffer.from([0x8a, 0x00]);

/**
 * A function that gives `ws` bytes of control frames. Undefined if this version of `ws` reads its
 * socket in another way: then it has to read all frames. Call it before any byte was read.
 */
export function controlFrameReader(ws: WebSocket, socket: Socket): ((chunk: Buffer) => void) | undefined {
  const [listener, ...others] = socket.listeners('data');
  if (listener === undefined || others.length > 0) return undefined;
  const read = (chunk: Buffer): void => {
    Reflect.apply(listener, socket, [chunk]);
  };
  const arrived: Buffer[] = [];
  const pong = (data: Buffer): void => {
    arrived.push(data);
  };
  ws.once('pong', pong);
  read(Buffer.from(emptyPong));
  ws.off('pong', pong);
  return arrived.length > 0 ? read : undefined;
}
