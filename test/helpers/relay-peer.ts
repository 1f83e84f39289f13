// A peer of a relay that sends exactly what a test tells it to: packets and raw bytes on its own
// streams and, as an app, any response to a connection request. Uses the multiplexer and the
// codecs, but not the client.
import { randomBytes } from 'node:crypto';
import { createCredential, type Credential } from '../../src/portal/identity.ts';
import type { PortalError } from '../../src/portal/errors.ts';
import { decodePacket, encodePacket, signLeaseDelete, signLeaseUpdate } from '../../src/portal/packets/packets.ts';
import type { Packet } from '../../src/portal/packets/packets.ts';
import type { WireLease } from '../../src/portal/packets/wire-types.ts';
import type { Carrier } from '../../src/portal/websocket/carrier.ts';
import { connectCarrier } from '../../src/portal/websocket/connect.ts';
import type { Pipe, PipeHandler } from '../../src/portal/yamux/pipe.ts';
import { Mux } from '../../src/portal/yamux/mux.ts';

/**
 * A stream on which a test awaits bytes and ends. A pending wait rejects when the stream fails
 * first.
 */
export class TestStream implements PipeHandler {
  readonly pipe: Pipe;
  totalBytes = 0;
  #reading = true;
  #received: Buffer[] = [];
  #bytes = 0;
  #ended = false;
  #failure: PortalError | undefined;
  #uncreditedBytes = 0;
  #blocked = false;
  #changed: PromiseWithResolvers<undefined> = Promise.withResolvers();

  constructor(pipe: Pipe) {
    this.pipe = pipe;
    pipe.setHandler(this);
  }

  write(...pieces: Uint8Array[]): this {
    this.pipe.write(pieces);
    return this;
  }

  /** Writes, then waits until the relay accepts more. */
  async pump(chunk: Uint8Array): Promise<void> {
    this.#blocked = !this.pipe.write([chunk]);
    while (this.#blocked) await this.#change();
  }

  /** Reads exactly `bytes` bytes. */
  async read(bytes: number): Promise<Buffer> {
    while (this.#bytes < bytes) {
      if (this.#ended) throw new Error(`the stream ended ${bytes - this.#bytes} bytes too early`);
      await this.#change();
    }
    const all = Buffer.concat(this.#received);
    this.#received = [all.subarray(bytes)];
    this.#bytes -= bytes;
    return all.subarray(0, bytes);
  }

  async packet(): Promise<Packet> {
    return decodePacket(await this.read((await this.read(4)).readUInt32BE()));
  }

  /** Reads a response and returns its code. */
  async code(): Promise<number> {
    const packet = await this.packet();
    if ('code' in packet) return packet.code;
    throw new Error(`a ${packet.type} has no code`);
  }

  /** Resolves with the unread bytes once the peer has sent FIN. */
  async finished(): Promise<Buffer> {
    while (!this.#ended) await this.#change();
    return this.read(this.#bytes);
  }

  async failure(): Promise<PortalError> {
    while (this.#failure === undefined) {
      if (this.#ended) throw new Error('the stream ended cleanly');
      await this.#changed.promise;
    }
    return this.#failure;
  }

  /** Grants no more window from now on. */
  pause(): void {
    this.#reading = false;
  }

  resume(): void {
    this.#reading = true;
    this.pipe.consumed(this.#uncreditedBytes);
    this.#uncreditedBytes = 0;
  }

  data(chunk: Buffer): void {
    this.#received.push(Buffer.from(chunk)); // copied, because the chunk is only lent
    this.#bytes += chunk.length;
    this.totalBytes += chunk.length;
    if (this.#reading) this.pipe.consumed(chunk.length);
    else this.#uncreditedBytes += chunk.length;
    this.#notify();
  }

  end(): void {
    this.#ended = true;
    this.#notify();
  }

  drain(): void {
    this.#blocked = false;
    this.#notify();
  }

  error(error: PortalError): void {
    this.#failure = error;
    this.#notify();
  }

  async #change(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    await this.#changed.promise;
  }

  #notify(): void {
    this.#changed.resolve(undefined);
    this.#changed = Promise.withResolvers();
  }
}

export class RelayPeer {
  readonly credential: Credential;
  readonly mux: Mux;
  /** The error that ended the session; undefined when this side closed it. */
  readonly closed: Promise<PortalError | undefined>;
  readonly #offered: TestStream[] = [];
  #wanted: ((stream: TestStream) => void)[] = [];

  private constructor(credential: Credential, mux: (peer: RelayPeer) => { mux: Mux; closed: RelayPeer['closed'] }) {
    this.credential = credential;
    const made = mux(this);
    this.mux = made.mux;
    this.closed = made.closed;
  }

  static async connect(url: string, credential: Credential = createCredential()): Promise<RelayPeer> {
    return RelayPeer.over(await connectCarrier(url, { signal: new AbortController().signal }), credential);
  }

  /** Uses an open connection to a relay. */
  static over(carrier: Carrier, credential: Credential = createCredential()): RelayPeer {
    return new RelayPeer(credential, (peer) => {
      const { promise, resolve } = Promise.withResolvers<PortalError | undefined>();
      const handler = {
        stream: (pipe: Pipe) => {
          peer.#offer(new TestStream(pipe));
        },
        goAway: () => undefined,
        close: resolve,
      };
      return {
        mux: new Mux(carrier, { role: 'client', tolerance: 'tolerant', keepalive: false }, handler),
        closed: promise,
      };
    });
  }

  get id(): string {
    return this.credential.id;
  }

  async open(): Promise<TestStream> {
    return new TestStream(await this.mux.open());
  }

  /** Sends one request on a stream of its own and returns the response. */
  async ask(packet: Packet): Promise<Packet> {
    const stream = (await this.open()).write(encodePacket(packet));
    const response = await stream.packet();
    stream.pipe.end();
    return response;
  }

  leaseUpdate(
    lease: Partial<WireLease> = {},
    credential: Credential = this.credential,
    timestamp: bigint = nowSeconds(),
  ): Packet {
    const complete = {
      identity: { id: credential.id, publicKey: credential.publicKey },
      expires: nowSeconds() + 30n,
      name: '',
      alpn: ['http/1.1'],
      metadata: '',
      ...lease,
    };
    const request = { lease: complete, nonce: randomBytes(12), timestamp };
    return signLeaseUpdate(request, (data) => credential.sign(data));
  }

  leaseDelete(): Packet {
    const { id, publicKey } = this.credential;
    const request = { identity: { id, publicKey }, nonce: randomBytes(12), timestamp: nowSeconds() };
    return signLeaseDelete(request, (data) => this.credential.sign(data));
  }

  connectionRequest(leaseId: string): Buffer {
    const { id, publicKey } = this.credential;
    return encodePacket({ type: 'connectionRequest', leaseId, clientIdentity: { id, publicKey } });
  }

  async register(lease: Partial<WireLease> = {}, credential?: Credential): Promise<number> {
    const response = await this.ask(this.leaseUpdate(lease, credential));
    return 'code' in response ? response.code : -1;
  }

  async leases(): Promise<readonly WireLease[]> {
    const response = await this.ask({ type: 'relayInfoRequest' });
    return response.type === 'relayInfoResponse' ? (response.relayInfo?.leases ?? []) : [];
  }

  /** Requests a connection; sends `ahead` directly after the request. */
  async dial(leaseId: string, ahead: Uint8Array = Buffer.alloc(0)): Promise<TestStream> {
    return (await this.open()).write(this.connectionRequest(leaseId), ahead);
  }

  /** As an app: the next stream that the relay opens. */
  async accept(): Promise<TestStream> {
    const ready = this.#offered.shift();
    return ready ?? new Promise((resolve) => this.#wanted.push(resolve));
  }

  /** As an app: accepts the next connection request and responds with `code`. */
  async respond(code: number): Promise<TestStream> {
    const stream = await this.accept();
    await stream.packet();
    return stream.write(encodePacket({ type: 'connectionResponse', code }));
  }

  close(): void {
    this.mux.close();
  }

  #offer(stream: TestStream): void {
    const wanted = this.#wanted.shift();
    if (wanted === undefined) this.#offered.push(stream);
    else wanted(stream);
  }
}

function nowSeconds(): bigint {
  return BigInt(Math.floor(Date.now() / 1_000));
}
