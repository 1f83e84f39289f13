// An app with its `expose` in one process, for the test that started it: bodies without end, uploads that are read as the test
// says, requests that are held.
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { answerBytes } from '../../../src/demo/bytes.ts';
import { Bridge } from '../../../src/expose/bridge.ts';
import { publish } from '../../../src/expose/publish.ts';
import { parseTarget } from '../../../src/expose/target.ts';
import { createCredential } from '../../../src/portal/identity.ts';
import { RelayClient, type RelayClientOptions } from '../../../src/portal/relay-client.ts';
import { SecureChannel } from '../../../src/portal/secure/channel.ts';
import { MuxStream } from '../../../src/portal/yamux/mux-stream.ts';
import { Mux } from '../../../src/portal/yamux/session.ts';
import { serveParent, settings, tellParent } from './parent.ts';

export interface AppSettings extends Pick<RelayClientOptions, 'keepalive'> {
  readonly relayUrl: string;
}

/** Of the body that /endless sends, or that /unread has been sent. */
export interface Flowed {
  readonly bytes: number;
  /** The last piece was not taken yet. */
  readonly blocked: boolean;
}

const block = Buffer.alloc(65_536, 'x');
let endless: { response: ServerResponse; bytes: number } | undefined;
let unread: { request: IncomingMessage; bytes: number } | undefined;
let held: ServerResponse[] = [];

const server = createServer((request, response) => {
  const [, name = '', argument = ''] = (request.url ?? '').split('/');
  switch (name) {
    case 'endless':
      sendEndlessly(response);
      break;
    case 'unread':
      // Nothing is read of it but what `read` asks for.
      unread = { request, bytes: 0 };
      request.once('close', () => response.end());
      tellParent('unread');
      break;
    case 'bytes':
      answerBytes(response, argument);
      break;
    case 'sha256': {
      const sha256 = createHash('sha256');
      request.on('data', (chunk: Buffer) => sha256.update(chunk));
      request.on('end', () => response.end(sha256.digest('hex')));
      break;
    }
    case 'held':
      // Until the test lets them all go.
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
// All of them are connections of this process's own bridge.
server.keepAliveTimeout = 120_000;
server.listen(0, '127.0.0.1');
await once(server, 'listening');

function sendEndlessly(response: ServerResponse): void {
  const sender = { response, bytes: 0 };
  endless = sender;
  response.on('error', () => undefined);
  const more = (): void => {
    while (!response.destroyed) {
      sender.bytes += block.length;
      if (!response.write(block)) return;
    }
  };
  response.on('drain', more);
  more();
}

/** Resolves once so many bytes more have been read. */
async function read(bytes: number): Promise<void> {
  if (unread === undefined) throw new Error('there is no upload');
  const { request } = unread;
  for (let left = bytes; left > 0;) {
    const chunk = request.read(Math.min(left, request.readableLength)) as Buffer | null;
    if (chunk === null) await once(request, 'readable');
    else {
      unread.bytes += chunk.length;
      left -= chunk.length;
    }
  }
}

const { relayUrl, keepalive } = settings as AppSettings;
const credential = createCredential();
const bridge = new Bridge({ target: parseTarget(`127.0.0.1:${(server.address() as AddressInfo).port}`) });
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
const publishing = publish({ name: 'app', credential, allowClients: [] }, [relay], bridge, stop.signal);
await published.promise;

const commands = {
  sent: (): Flowed => ({ bytes: endless?.bytes ?? 0, blocked: endless?.response.writableNeedDrain ?? false }),
  read,
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
