// Replays the messages of recorded clients to our relay, websocket message by websocket message,
// and compares the meaning of its responses: the packets, and after ACCEPTED every byte of the app.
// Lease ids are replaced, since the recorded app's key is unknown; all ids have the same length, so
// every frame keeps its layout.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { test, type TestContext } from 'node:test';
import { WebSocket } from 'ws';
import { lengthBytes } from '../../src/portal/packets/length-prefix.ts';
import { decodePacket, type Packet, ResponseCode } from '../../src/portal/packets/packets.ts';
import { flags, types } from '../helpers/mux-frames.ts';
import { startRelay, type RelayBench } from '../helpers/relay-bench.ts';
import type { RelayPeer, TestStream } from '../helpers/relay-peer.ts';
import { hex } from '../helpers/vectors.ts';

interface RecordedLease {
  readonly identity: { readonly id: string };
  readonly name: string;
  readonly alpn: readonly string[];
  readonly metadata: string;
}
interface Step {
  readonly do?: string;
  readonly see?: string;
  readonly from?: 'client' | 'server';
  readonly hex?: string;
  readonly headHex?: string;
  readonly relayInfo?: { readonly leases: readonly RecordedLease[] };
}
interface Session {
  readonly name: string;
  readonly steps: readonly Step[];
}

/**
 * One stream of our relay's responses, parsed frame by frame; only the packet codec is shared with
 * our code.
 */
class Seen {
  bytes: Buffer = Buffer.alloc(0);
  ended = false;
}

class Replay {
  readonly #bench: RelayBench;
  readonly #app: RelayPeer;
  readonly #recordedId: string;
  readonly #ws: WebSocket;
  readonly #streams = new Map<number, Seen>();
  /** The app's end of each accepted connection, by the client's stream. */
  readonly #connections = new Map<number, TestStream>();
  /** Streams whose first packet got a response. */
  readonly #answered = new Set<number>();
  readonly infos: (Packet & { type: 'relayInfoResponse' })[] = [];
  #received: Buffer = Buffer.alloc(0);
  #changed: PromiseWithResolvers<undefined> = Promise.withResolvers();

  constructor(bench: RelayBench, app: RelayPeer, recordedId: string, ws: WebSocket) {
    this.#bench = bench;
    this.#app = app;
    this.#recordedId = recordedId;
    this.#ws = ws;
    ws.on('message', (data: Buffer) => {
      this.#received = Buffer.concat([this.#received, data]);
      this.#parse();
    });
  }

  async run(steps: readonly Step[]): Promise<void> {
    // A header and its body are two messages, and the other side's messages may come in between.
    const headers: { client?: Buffer | undefined; server?: Buffer | undefined } = {};
    let frozen = false;
    for (const step of steps) {
      if (step.do === 'stopApp') {
        this.#app.close();
        await this.#bench.event('lease_dropped');
      } else if (step.do === 'freezeApp') frozen = true;
      if (step.from === undefined) continue;
      const bytes = hex(step.hex ?? step.headHex ?? '');
      const header = headers[step.from];
      if (header === undefined && bytes.readUInt8(1) === types.ping) continue;
      const frame = header ?? bytes;
      const body = header === undefined ? undefined : bytes;
      headers[step.from] = header === undefined && isBodyAnnounced(bytes) ? bytes : undefined;
      if (step.from === 'client') this.#ws.send(this.#withOurId(bytes));
      const stream = frame.readUInt32BE(4);
      if (step.from === 'client') await this.#clientSent(stream, frame, body, frozen);
      else await this.#serverSent(stream, frame, body);
      if (frozen && step.from === 'server' && body !== undefined) {
        // In the recording, the relay's keepalive drops the frozen app at its first request.
        this.#app.close();
        await this.#bench.event('lease_dropped');
        frozen = false;
      }
    }
  }

  /** Plays the app: reads the bytes of its connections, and responds to their end. */
  async #clientSent(stream: number, frame: Buffer, body: Buffer | undefined, frozen: boolean): Promise<void> {
    const connection = this.#connections.get(stream);
    if ((frame.readUInt16BE(2) & flags.fin) !== 0 && connection !== undefined) {
      assert.equal((await connection.finished()).length, 0);
      connection.pipe.end();
    }
    if (body === undefined) return;
    if (connection !== undefined) {
      assert.ok((await connection.read(body.length)).equals(body), 'as the client sent it');
      return;
    }
    const { leases, forwards } = this.#bench.relay.counts();
    const isForTheApp = body.includes(this.#recordedId) && leases > 0 && forwards === 0;
    if (isForTheApp && !frozen) this.#connections.set(stream, await this.#app.respond(ResponseCode.ACCEPTED));
  }

  /** Checks that our relay sent what the real relay sent here. */
  async #serverSent(stream: number, frame: Buffer, body: Buffer | undefined): Promise<void> {
    if ((frame.readUInt16BE(2) & flags.fin) !== 0) await this.#until(() => this.#seen(stream).ended);
    if (body === undefined) return;
    const connection = this.#connections.get(stream);
    if (!this.#answered.has(stream)) {
      this.#answered.add(stream);
      const ours = await this.#packet(stream);
      if (ours.type === 'relayInfoResponse') this.infos.push(ours);
      else assert.deepEqual(ours, decodePacket(body.subarray(lengthBytes)));
      return;
    }
    assert.ok(connection !== undefined, `stream ${stream} is not a connection`);
    connection.write(body);
    assert.ok((await this.#take(stream, body.length)).equals(body), 'as the app sent it');
  }

  #withOurId(bytes: Buffer): Buffer {
    const at = bytes.indexOf(this.#recordedId);
    if (at === -1) return bytes;
    const copy = Buffer.from(bytes);
    copy.write(this.#app.id, at);
    return copy;
  }

  async #packet(stream: number): Promise<Packet> {
    return decodePacket(await this.#take(stream, (await this.#take(stream, lengthBytes)).readUInt32BE()));
  }

  async #take(stream: number, bytes: number): Promise<Buffer> {
    const seen = this.#seen(stream);
    await this.#until(() => seen.bytes.length >= bytes);
    const taken = seen.bytes.subarray(0, bytes);
    seen.bytes = seen.bytes.subarray(bytes);
    return taken;
  }

  async #until(isDone: () => boolean): Promise<void> {
    while (!isDone()) await this.#changed.promise;
  }

  #seen(stream: number): Seen {
    const seen = this.#streams.get(stream) ?? new Seen();
    this.#streams.set(stream, seen);
    return seen;
  }

  #parse(): void {
    while (this.#received.length >= 12) {
      const [type, frameFlags] = [this.#received.readUInt8(1), this.#received.readUInt16BE(2)];
      const end = 12 + (type === types.data ? this.#received.readUInt32BE(8) : 0);
      if (this.#received.length < end) break;
      const seen = this.#seen(this.#received.readUInt32BE(4));
      seen.bytes = Buffer.concat([seen.bytes, this.#received.subarray(12, end)]);
      seen.ended ||= (frameFlags & flags.fin) !== 0;
      assert.equal(frameFlags & flags.rst, 0, 'nothing is reset in these sessions');
      this.#received = this.#received.subarray(end);
    }
    this.#changed.resolve(undefined);
    this.#changed = Promise.withResolvers();
  }
}

function isBodyAnnounced(header: Buffer): boolean {
  return header.readUInt8(1) === types.data && header.readUInt32BE(8) > 0;
}

async function replay(t: TestContext, session: Session): Promise<void> {
  const lease = session.steps.find((step) => step.relayInfo !== undefined)?.relayInfo?.leases[0];
  assert.ok(lease !== undefined, 'every session begins with a lease list request');
  const limits = { appResponseTimeoutMs: 50, ...(session.name.includes('limit') && { forwardsPerLease: 1 }) };
  const bench = await startRelay(t, limits);
  const app = await bench.peer();
  const { name, alpn, metadata } = lease;
  await app.register({ name, alpn, metadata });
  const ws = new WebSocket(bench.url, { perMessageDeflate: false });
  await once(ws, 'open');
  const run = new Replay(bench, app, lease.identity.id, ws);
  await run.run(session.steps);
  ws.terminate();

  const recorded = session.steps.flatMap((step) => (step.relayInfo === undefined ? [] : [step.relayInfo]));
  const plain = (leases: readonly Pick<RecordedLease, 'name' | 'alpn' | 'metadata'>[]): unknown[] =>
    leases.map((listed) => [listed.name, listed.alpn, listed.metadata]);
  assert.deepEqual(
    run.infos.map((info) => plain(info.relayInfo?.leases ?? [])),
    recorded.map((info) => plain(info.leases)),
  );
}

const vectors = fileURLToPath(new URL('../../../shared/vectors/session.json', import.meta.url));
if (existsSync(vectors)) {
  const { sessions } = JSON.parse(readFileSync(vectors, 'utf8')) as { sessions: readonly Session[] };
  for (const session of sessions)
    test(`our relay responds like the recorded one: ${session.name}`, (t) => replay(t, session));
} else
  test('sessions with real relays, replayed against our relay', {
    skip: 'the recorded sessions are not at ../shared/vectors',
  });
