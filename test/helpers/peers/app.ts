// An app with its `expose` in one process, controlled by the test that started it: endless bodies
// in one or both directions, uploads read on request, requests held open.
import { createHash } from 'node:crypto';
import { createServer, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { responseBytes } from '../../../src/demo/bytes.ts';
import { sendEvents } from '../../../src/demo/event-stream.ts';
import { echoWebSockets } from '../../../src/demo/websocket.ts';
import { Bridge } from '../../../src/expose/bridge.ts';
import { publish } from '../../../src/expose/publish.ts';
import { parseTarget } from '../../../src/expose/app/target.ts';
import { createCredential } from '../../../src/portal/identity.ts';
import { RelayClient, type RelayClientOptions } from '../../../src/portal/relay-client.ts';
import { SecureChannel } from '../../../src/portal/secure/channel.ts';
import { MuxStream } from '../../../src/portal/yamux/mux-stream.ts';
import { Mux } from '../../../src/portal/yamux/mux.ts';
import { serveParent, settings, tellParent } from './parent.ts';

export interface AppSettings extends Pick<RelayClientOptions, 'keepalive'> {
  readonly relayUrl: string;
  readonly maxTunnels?: number;
}

/** Progress of the body that /endless sends or /unread receives. */
export interface Flowed {
  readonly bytes: number;
  /** The last write returned false. */
  readonly blocked: boolean;
}

const block = Buffer.alloc(65_536, 'x');
let endless: { readonly sink: Writable; bytes: number } | undefined;
/** The upload of /unread, read only when `read` asks for it. */
let unread: { readonly source: Readable; bytes: number } | undefined;
let held: ServerResponse[] = [];
let events: ServerResponse | undefined;

const server = createServer((request, response) => {
  const [, name = '', argument = ''] = (request.url ?? '').split(/[/?]/);
  switch (name) {
    case 'endless':
      sendEndlessly(response);
      break;
    case 'unread':
      unread = { source: request, bytes: 0 };
      request.on('error', () => undefined);
      request.once('close', () => {
        response.end();
        tellParent(request.complete ? 'upload ended' : 'upload lost');
      });
      tellParent('unread');
      break;
    case 'both':
      unread = { source: request, bytes: 0 };
      request.on('error', () => undefined);
      sendEndlessly(response);
      break;
    case 'events':
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
      events = response;
      break;
    case 'sse':
      sendEvents(request, response, new URL(request.url ?? '', 'http://app'));
      break;
    case 'bytes':
      responseBytes(response, argument);
      break;
    case 'sha256': {
      const sha256 = createHash('sha256');
      request.on('data', (chunk: Buffer) => sha256.update(chunk));
      request.on('end', () => response.end(sha256.digest('hex')));
      break;
    }
    case 'held':
      // Holds the response until the test releases all of them.
      held.push(response);
      if (held.length === Number(argument)) tellParent('held');
      break;
    case 'stalled':
      response.writeHead(200, { 'content-length': 1_048_576 });
      response.write(block);
      break;
    default:
      response.end('here');
  }
});
const echo = echoWebSockets();
server.on('upgrade', (request, socket, head) => {
  if (request.url === '/ws') {
    echo(request, socket, head);
    return;
  }
  socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: both\r\n\r\n');
  unread = { source: socket, bytes: 0 };
  sendEndlessly(socket);
});
// All connections come from this process's own bridge.
server.keepAliveTimeout = 120_000;
server.listen(0, '127.0.0.1');
await once(server, 'listening');

function sendEndlessly(sink: Writable): void {
  const sender = { sink, bytes: 0 };
  endless = sender;
  sink.on('error', () => undefined);
  const more = (): void => {
    while (!sink.destroyed) {
      sender.bytes += block.length;
      if (!sink.write(block)) return;
    }
  };
  sink.on('drain', more);
  sink.once('close', () => {
    tellParent('download over');
  });
  more();
}

/** Resolves once `bytes` more bytes have been read. */
async function read(bytes: number): Promise<void> {
  if (unread === undefined) throw new Error('there is no upload');
  const { source } = unread;
  for (let left = bytes; left > 0;) {
    const chunk = source.read(Math.min(left, source.readableLength)) as Buffer | null;
    if (chunk === null) await once(source, 'readable');
    else {
      unread.bytes += chunk.length;
      left -= chunk.length;
    }
  }
}

const { relayUrl, maxTunnels, keepalive } = settings as AppSettings;
const credential = createCredential();
const bridge = new Bridge({
  target: parseTarget(`127.0.0.1:${(server.address() as AddressInfo).port}`),
  ...(maxTunnels !== undefined && { maxTunnels }),
});
const published = Promise.withResolvers<undefined>();
const relay = new RelayClient({
  url: relayUrl,
  credential,
  ...(keepalive !== undefined && { keepalive }),
  log: (event) => {
    tellParent(event.type);
    if (event.type === 'published') published.resolve(undefined);
  },
});
const stop = new AbortController();
const publishing = publish({ name: 'app', credential, allowClients: [] }, [relay], bridge, { signal: stop.signal });
await published.promise;

const commands = {
  sent: (): Flowed => ({ bytes: endless?.bytes ?? 0, blocked: endless?.sink.writableNeedDrain ?? false }),
  read,
  /** Writes each event separately, so each is flushed by itself. */
  events: (list: readonly string[]) => {
    for (const event of list) events?.write(event);
  },
  /** Closes all connections, as if the app had been killed. */
  cut: () => {
    server.closeAllConnections();
  },
  release: () => {
    for (const response of held) response.end('released');
    held = [];
  },
  close: async () => {
    stop.abort();
    await publishing;
    await bridge.close();
    await relay.close();
    server.closeAllConnections();
    server.close();
  },
};
serveParent({ leaseId: credential.id }, commands, { streams: MuxStream, sessions: Mux, tunnels: SecureChannel });
