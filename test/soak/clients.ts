// Clients of the gateway for loads: sockets from a loopback address of the load's own, and complete
// requests over HTTP/1.1.
import { once } from 'node:events';
import { Agent, request } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import type { LoadContext, Targets } from './load.ts';

export const host = '127.0.0.1';
/** The name in the test certificate. */
export const servername = 'localhost';

/** Opens a socket that the signal destroys. Errors only end the socket; they are not thrown. */
export async function dialTcp(port: number, localAddress: string, signal: AbortSignal): Promise<Socket> {
  const socket = connectTcp({ host, port, localAddress });
  return ready(socket, 'connect', signal);
}

/** Like dialTcp(), but to the gateway and with the TLS handshake done. */
export async function dialTls(
  { gateway }: Targets,
  { localAddress, alpn = 'http/1.1' }: { readonly localAddress: string; readonly alpn?: 'http/1.1' | 'h2' },
  signal: AbortSignal,
): Promise<TLSSocket> {
  const { port, ca } = gateway;
  const options = { host, port, ca, servername, localAddress, ALPNProtocols: [alpn] };
  return ready(connectTls(options), 'secureConnect', signal);
}

async function ready<S extends Socket>(socket: S, event: string, signal: AbortSignal): Promise<S> {
  const destroy = (): void => {
    socket.destroy();
  };
  signal.addEventListener('abort', destroy, { once: true });
  socket.once('close', () => {
    signal.removeEventListener('abort', destroy);
  });
  try {
    signal.throwIfAborted();
    await once(socket, event, { signal });
  } catch (error) {
    socket.destroy();
    throw error;
  }
  socket.on('error', () => undefined);
  return socket;
}

/** Resolves when the socket is closed, by either side. */
export function closed(socket: Socket): Promise<void> {
  if (socket.destroyed) return Promise.resolve();
  return new Promise((resolve) => socket.once('close', resolve));
}

/** Keep-alive connections to the gateway. */
export function keptConnections(context: LoadContext, maxSockets: number): Agent {
  const { ca } = context.gateway;
  const agent = new Agent({ keepAlive: true, maxSockets, ca, servername, localAddress: context.address() });
  context.defer(() => {
    agent.destroy();
  });
  return agent;
}

export interface Call {
  readonly agent: Agent;
  readonly path: string;
  readonly key: string;
  readonly signal: AbortSignal;
  /** Reads this many bytes of the response, then drops the connection. */
  readonly readBytes?: number;
}

/** Resolves with the status after the whole response was read. Rejects if the response is cut. */
export async function call(context: Targets, options: Call): Promise<number> {
  const { agent, path, key, signal, readBytes = Infinity } = options;
  const { port } = context.gateway;
  const headers = { 'x-gateway-key': key };
  const outgoing = request({ host, port, path, agent, headers, signal });
  outgoing.on('error', () => undefined).end();
  const [message] = (await once(outgoing, 'response', { signal })) as [IncomingMessage];
  let bytes = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes >= readBytes) break;
  }
  return message.statusCode ?? 0;
}

export function head(method: string, path: string, fields: readonly string[]): string {
  return [`${method} ${path} HTTP/1.1`, `Host: ${servername}`, ...fields, '', ''].join('\r\n');
}
