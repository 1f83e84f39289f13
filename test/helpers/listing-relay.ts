// A relay that lists whatever a test wants. Runs in a separate thread, so that the cost of building
// and sending a list is not measured. Speaks the real protocol over a real websocket, and responds
// only to info requests.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { Socket, type AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { WebSocketServer } from 'ws';
import { MessageStream } from '../../src/portal/message-stream.ts';
import { MessageReader } from '../../src/portal/packets/message-reader.ts';
import { encodePacket } from '../../src/portal/packets/packets.ts';
import type { WireLease } from '../../src/portal/packets/wire-types.ts';
import { acceptCarrier, websocketOptions } from '../../src/portal/websocket/websocket-carrier.ts';
import type { Pipe } from '../../src/portal/yamux/pipe.ts';
import { Mux } from '../../src/portal/yamux/mux.ts';

/** The entries of a list: `count` leases, generated from their number. */
export interface ListPart {
  readonly count: number;
  /** The id of all leases. Default: a different id for each. */
  readonly id?: string;
  /** `#` is replaced by the number of the lease. */
  readonly name: string;
  readonly metadataBytes?: number;
}

/** The id of a lease of a part without `id`, from its number. */
function idOfNumber(number: number): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  let id = '';
  for (let i = 0, rest = number; i < 26; i += 1, rest = Math.floor(rest / 32))
    id = `${alphabet.charAt(rest % 32)}${id}`;
  return id;
}

/**
 * Starts the relay and returns its URL. The parts follow each other in one list; numbering
 * continues from part to part.
 */
export async function startListingRelay(t: TestContext, parts: readonly ListPart[]): Promise<string> {
  const worker = new Worker(import.meta.filename, { workerData: parts });
  t.after(() => worker.terminate());
  const [port] = (await once(worker, 'message')) as [number];
  return `ws://127.0.0.1:${port}/relay`;
}

function leasesOf(parts: readonly ListPart[]): WireLease[] {
  let number = 0;
  return parts.flatMap(({ count, id, name, metadataBytes = 0 }) =>
    Array.from({ length: count }, () => {
      number += 1;
      return {
        identity: { id: id ?? idOfNumber(number), publicKey: new Uint8Array(32) },
        expires: 4_000_000_000n,
        name: name.replace('#', String(number)),
        alpn: ['http/1.1'],
        metadata: 'm'.repeat(metadataBytes),
      };
    }),
  );
}

async function respond(pipe: Pipe, packet: Buffer): Promise<void> {
  const messages = new MessageStream(pipe, new MessageReader(65_536));
  if ((await messages.next(AbortSignal.timeout(10_000))) === undefined) return;
  pipe.write([packet]);
}

function serve(parts: readonly ListPart[]): void {
  const packet = encodePacket({
    type: 'relayInfoResponse',
    relayInfo: { identity: undefined, address: [], leases: leasesOf(parts) },
  });
  const websockets = new WebSocketServer({ noServer: true, ...websocketOptions });
  const server = createServer().on('upgrade', (request, socket, head) => {
    if (!(socket instanceof Socket)) return;
    websockets.handleUpgrade(request, socket, head, (ws) => {
      new Mux(
        acceptCarrier(ws, socket),
        { role: 'server', tolerance: 'tolerant', keepalive: false },
        {
          stream: (pipe) => void respond(pipe, packet).catch(() => undefined),
          goAway: () => undefined,
          close: () => undefined,
        },
      );
    });
  });
  server.listen(0, '127.0.0.1', () => parentPort?.postMessage((server.address() as AddressInfo).port));
}

if (!isMainThread && Array.isArray(workerData)) serve(workerData as ListPart[]);
