// An app that stops at a given point of each exchange (exchange-points.ts) until the test decides
// how to continue. Published three times: `raw` writes to its tunnels directly, `app` is a local
// server behind a bridge, `mute` never answers a dial.
import { hash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, Socket, type AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { Bridge } from '../../../src/expose/bridge.ts';
import { publish } from '../../../src/expose/publish.ts';
import { parseTarget } from '../../../src/expose/app/target.ts';
import { credentialFromSeed, type Credential } from '../../../src/portal/identity.ts';
import { RelayClient, type RelayClientOptions } from '../../../src/portal/relay-client.ts';
import { SecureChannel } from '../../../src/portal/secure/channel.ts';
import { MuxStream } from '../../../src/portal/yamux/mux-stream.ts';
import { Mux } from '../../../src/portal/yamux/mux.ts';
import { points, type PointName } from '../exchange-points.ts';
import { RelayPeer } from '../relay-peer.ts';
import { serveParent, settings, tellParent } from './parent.ts';

export interface PointAppSettings extends Pick<RelayClientOptions, 'keepalive' | 'reconnect'> {
  readonly relayUrl: string;
  /** Peers with the same identity are the same to the relay. */
  readonly identity: string;
}

/** An exchange that is stopped at its point. */
interface Held {
  readonly connection: Duplex;
  readonly name: PointName;
  readonly requestId: string;
  finish(): void;
}

const held = new Set<Held>();
const localSockets = new Set<Socket>();

/**
 * When set, the next write of any tunnel sends only the first half of its data; `rest` sends the
 * other half.
 */
let halving: ((rest: () => void) => void) | undefined;
type Write = (this: MuxStream, pieces: readonly Uint8Array[]) => boolean;
const wholeWrite = Object.getOwnPropertyDescriptor(MuxStream.prototype, 'write')?.value as Write;
MuxStream.prototype.write = function halved(this: MuxStream, pieces): boolean {
  const take = halving;
  if (take === undefined) return wholeWrite.call(this, pieces);
  halving = undefined;
  const bytes = Buffer.concat(pieces);
  const middle = bytes.length >> 1;
  take(() => wholeWrite.call(this, [bytes.subarray(middle)]));
  return wholeWrite.call(this, [bytes.subarray(0, middle)]);
};

/** Serves one request after the other, each identified by its path. */
function serve(connection: Duplex): void {
  let received = '';
  let current: Held | undefined;
  const left = (): void => {
    if (current === undefined) return;
    held.delete(current);
    tellParent(`left ${current.name}`);
    current = undefined;
  };
  const look = (): void => {
    if (current !== undefined) return;
    const head = /^\w+ \/(\S*) HTTP\/1\.1\r\n[^]*?\r\n\r\n/.exec(received);
    if (head === null) return;
    const [lines, name = ''] = head;
    if (!(name in points)) {
      received = '';
      connection.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nplain');
      if (connection instanceof Socket) connection.end();
      return;
    }
    const point = points[name as PointName];
    if (point.kind === 'upload' && !received.includes('hello')) return;
    const requestId = /\r\nx-request-id: (\S+)\r\n/i.exec(lines)?.[1] ?? '';
    let sendRest = (): void => {
      connection.write(point.halfSent ?? point.rest);
    };
    current = {
      connection,
      name: name as PointName,
      requestId,
      finish: () => {
        if (current !== undefined) held.delete(current);
        current = undefined;
        received = '';
        sendRest();
        // expose would correctly resend a request that met the end of a kept-alive connection.
        if (point.ends === true || connection instanceof Socket) connection.end();
      },
    };
    held.add(current);
    connection.write(point.sent);
    if (point.halfSent === undefined || !(connection instanceof SecureChannel)) tellParent(`arrived ${name}`);
    else {
      // Runs after the frame of the data that was sent whole.
      setImmediate(() => {
        halving = (rest) => {
          sendRest = rest;
          tellParent(`arrived ${name}`);
        };
        connection.write(point.halfSent);
      });
    }
  };
  connection.on('error', () => undefined);
  connection.on('data', (chunk: Buffer) => {
    received += chunk.toString('latin1');
    look();
    // The upload is complete.
    if (current !== undefined && points[current.name].kind === 'upload' && received.endsWith('\r\n0\r\n\r\n')) {
      current.finish();
    }
  });
  connection.on('end', () => {
    left();
    connection.end();
  });
  connection.on('close', left);
}

const { relayUrl, identity, keepalive, reconnect } = settings as PointAppSettings;
const credentialOf = (name: string): Credential => credentialFromSeed(hash('sha256', `${identity} ${name}`, 'buffer'));
const server = createServer({ allowHalfOpen: true }, (socket) => {
  localSockets.add(socket);
  socket.once('close', () => localSockets.delete(socket));
  serve(socket);
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');

const bothPublished = Promise.withResolvers<undefined>();
let publishedCount = 0;
const relay = new RelayClient({
  url: relayUrl,
  credential: credentialOf('session'),
  ...(keepalive !== undefined && { keepalive }),
  ...(reconnect !== undefined && { reconnect }),
  log: (event) => {
    tellParent(event.type === 'published' ? `published ${event.name}` : event.type);
    if (event.type === 'published' && ++publishedCount === 2) bothPublished.resolve(undefined);
  },
});
const bridge = new Bridge({ target: parseTarget(`127.0.0.1:${(server.address() as AddressInfo).port}`) });
const offer = { alpn: ['http/1.1'], allowClients: [], credential: credentialOf('app') };
void publish({ ...offer, name: 'app' }, [relay], bridge, { signal: new AbortController().signal });
void (async () => {
  for await (const tunnel of relay.listen({ name: 'raw', alpn: ['http/1.1'], credential: credentialOf('raw') }))
    serve(tunnel);
})();
await bothPublished.promise;
const mute = await RelayPeer.connect(relayUrl);
await mute.register({ name: 'mute' });
void (async () => {
  for (;;) {
    await mute.accept();
    tellParent('arrived dialling');
  }
})();

const commands = {
  requestIds: () => Object.fromEntries([...held].map(({ name, requestId }) => [name, requestId])),
  /** Lets all of them continue and finish normally. */
  finish: () => {
    for (const one of [...held]) if (points[one.name].kind !== 'upload') one.finish();
  },
  /** The app ends its side, as if the response were complete. */
  end: () => {
    for (const { connection } of held) connection.end();
  },
  /** Aborts the exchanges at this point. */
  drop: (name: PointName) => {
    for (const one of held) if (one.name === name) one.connection.destroy(new Error('dropped'));
  },
  /** Resets all connections, as if the local server had been killed. */
  cut: () => {
    for (const socket of localSockets) socket.resetAndDestroy();
  },
};
serveParent({}, commands, { streams: MuxStream, sessions: Mux, tunnels: SecureChannel });
