// Clients of the gateway for loads: sockets from a loopback address of the load's own, and whole requests over HTTP/1.1.
import { once } from 'node:events';
import { Agent, request } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import type { LoadContext, Targets } from './load.ts';

export const host = '127.0.0.1';
/** What the test's certificate is for. */
export const servername = 'localhost';

/** A socket that the signal destroys. Its errors end it and nothing else. */
export async function dialTcp(port: number, localAddress: string, signal: AbortSignal): Promise<Socket> {
  const socket = connectTcp({ host, port, localAddress });
  return ready(socket, 'connect', signal);
}

/** As dialTcp(), to the gateway, after the TLS handshake. */
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

/** Resolves when the socket is closed, by whichever side. */
export function closed(socket: Socket): Promise<void> {
  if (socket.destroyed) return Promise.resolve();
  return new Promise((resolve) => socket.once('close', resolve));
}

/** Connections that are kept alive, to the gateway. */
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
  /** Reads so many bytes of the response, then drops the connection. */
  readonly readBytes?: number;
}

/** The status, once the whole response was read. Rejects when it is cut. */
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

/** A request head as text. */
export function head(method: string, path: string, fields: readonly string[]): string {
  return [`${method} ${path} HTTP/1.1`, `Host: ${servername}`, ...fields, '', ''].join('\r\n');
}
