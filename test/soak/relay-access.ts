// Connections to a relay from a chosen loopback address, which the client in src/portal does not
// support.
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { WebSocket } from 'ws';
import { Session, type Credential } from '../../src/portal/index.ts';
import type { Carrier } from '../../src/portal/websocket/carrier.ts';
import { acceptCarrier, websocketOptions } from '../../src/portal/websocket/websocket-carrier.ts';

const handshakeTimeoutMs = 10_000;

export async function openCarrier(url: string, localAddress: string): Promise<Carrier> {
  const websocket = new WebSocket(url, { ...websocketOptions, localAddress, handshakeTimeout: handshakeTimeoutMs });
  let socket: Socket | undefined;
  websocket.once('upgrade', (response) => {
    ({ socket } = response);
  });
  await once(websocket, 'open');
  if (socket === undefined) throw new Error('a websocket without a socket');
  return acceptCarrier(websocket, socket);
}

export async function joinRelay(url: string, localAddress: string, credential: Credential): Promise<Session> {
  return new Session(url, await openCarrier(url, localAddress), { credential });
}
