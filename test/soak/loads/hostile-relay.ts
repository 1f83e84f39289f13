// The gateway's second relay: lists one id tens of thousands of times, 20,000 and 50,000 leases, 2
// MB of metadata, more than the protocol allows, garbage, or nothing at all; opens unsolicited
// streams; closes the connection.
import { hash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { WebSocketServer } from 'ws';
import { credentialFromSeed } from '../../../src/portal/index.ts';
import { MessageStream } from '../../../src/portal/message-stream.ts';
import { prefixLength } from '../../../src/portal/packets/length-prefix.ts';
import { MessageReader } from '../../../src/portal/packets/message-reader.ts';
import { decodePacket, encodePacket, ResponseCode } from '../../../src/portal/packets/packets.ts';
import type { WireLease } from '../../../src/portal/packets/wire-types.ts';
import { acceptCarrier, websocketOptions } from '../../../src/portal/websocket/websocket-carrier.ts';
import type { Pipe } from '../../../src/portal/yamux/pipe.ts';
import { Mux } from '../../../src/portal/yamux/mux.ts';
import { host } from '../clients.ts';
import type { Load, LoadContext } from '../load.ts';

type Reply = 'one id' | '20,000 leases' | '50,000 leases' | 'huge metadata' | 'too long' | 'garbage' | 'silence';
const replies: readonly [Reply, ...Reply[]] = [
  ...['one id', '20,000 leases', '50,000 leases', 'huge metadata', 'too long', 'garbage', 'silence'],
] as unknown as readonly [Reply, ...Reply[]];

const floodStreams = 2_000;

export const load: Load = {
  name: 'hostile-relay',
  rate: 'a list at each refresh of 5 s; 2,000 streams and a cut connection every 10 to 20 s',
  async start(context) {
    const { count, random, signal } = context;
    const lists = makeLists();
    const server = createServer();
    const websockets = new WebSocketServer({ server, path: '/relay', ...websocketOptions });
    websockets.on('connection', (websocket, request) => {
      count('connections');
      const mux = new Mux(
        acceptCarrier(websocket, request.socket),
        { role: 'server', tolerance: 'tolerant', keepalive: false },
        {
          stream: (pipe) => {
            serve(context, lists, pipe).catch(() => {
              pipe.reset();
            });
          },
          goAway: () => undefined,
          close: () => undefined,
        },
      );
      void flood(mux, signal);
      const timer = setTimeout(
        () => {
          count('cut');
          websocket.terminate();
        },
        random.between(10_000, 20_000),
      );
      websocket.once('close', () => {
        clearTimeout(timer);
        mux.close();
      });
    });
    server.listen(context.secondRelayPort, host);
    await once(server, 'listening');
    context.defer(() => {
      for (const websocket of websockets.clients) websocket.terminate();
      server.close();
      server.closeAllConnections();
    });
  },
};

async function serve({ count, random, signal }: LoadContext, lists: Lists, pipe: Pipe): Promise<void> {
  const messages = new MessageStream(pipe, new MessageReader(65_536));
  const message = await messages.next(signal);
  const packet = message === undefined ? undefined : decodePacket(message);
  if (packet?.type === 'connectionRequest') {
    count('dials');
    // Accepted, rejected, or garbage instead of the handshake.
    const code = random.pick([ResponseCode.ACCEPTED, ResponseCode.REJECTED, 99]);
    pipe.write([encodePacket({ type: 'connectionResponse', code }), randomBytes(random.between(0, 500))]);
    if (random.chance(0.5)) pipe.end();
    return;
  }
  const reply = random.pick(replies);
  count(reply);
  if (reply === 'silence') return;
  pipe.write([lists[reply]]);
  pipe.end();
}

/** Opens streams to the gateway, which has published nothing. */
async function flood(mux: Mux, signal: AbortSignal): Promise<void> {
  await pause(2_000, undefined, { signal }).catch(() => undefined);
  const limit = AbortSignal.timeout(2_000);
  for (let i = 0; i < floodStreams; i += 1) mux.open(limit).catch(() => undefined);
}

type Lists = Readonly<Record<Exclude<Reply, 'silence'>, Buffer>>;

function makeLists(): Lists {
  const many = (length: number, lease: (i: number) => Partial<WireLease>): Buffer => {
    const leases = Array.from({ length }, (_, i) => leaseOf(lease(i)));
    return encodePacket({ type: 'relayInfoResponse', relayInfo: { identity: undefined, address: [], leases } });
  };
  return {
    'one id': many(30_000, (i) => ({ name: `name-${i}` })),
    '20,000 leases': many(20_000, (i) => ({ identity: identityOf(i), name: `crowd-${i}` })),
    '50,000 leases': many(50_000, (i) => ({ identity: identityOf(i), name: `crowd-${i}` })),
    'huge metadata': many(20, (i) => ({ identity: identityOf(i), name: `fat-${i}`, metadata: 'm'.repeat(2_000_000) })),
    'too long': Buffer.concat([Buffer.from('7fffffff', 'hex'), Buffer.alloc(100_000)]),
    garbage: prefixLength(randomBytes(100_000)),
  };
}

const publicKey = credentialFromSeed(Buffer.alloc(32, 7)).publicKey;

/** Random ids in the right format; ids are checked against a key only at a dial. */
function identityOf(i: number): WireLease['identity'] {
  const letters = hash('sha256', `lease ${i}`, 'buffer').subarray(0, 26);
  const id = Array.from(letters, (byte) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'[byte & 31]).join('');
  return { id, publicKey };
}

function leaseOf(lease: Partial<WireLease>): WireLease {
  const expires = BigInt(Math.floor(Date.now() / 1_000) + 86_400);
  return { identity: identityOf(0), expires, name: '', alpn: ['http/1.1'], metadata: '', ...lease };
}
