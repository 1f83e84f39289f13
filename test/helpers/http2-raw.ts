// A client that writes HTTP/2 frames itself, for behavior that no library allows: invalid,
// excessive or slow.
import type { Duplex } from 'node:stream';
import {
  errorCode,
  fieldBlock,
  flag,
  frame,
  frameType,
  preface,
  readFrames,
  setting,
  settingId,
  statusOf,
  uint32,
  type Fields,
  type Frame,
} from './http2-frames.ts';

export class RawHttp2 {
  readonly socket: Duplex;
  readonly received: Frame[] = [];
  #rest = Buffer.alloc(0);
  #over = false;
  #changed: () => void = () => undefined;

  constructor(socket: Duplex) {
    this.socket = socket;
    socket.on('error', () => undefined).on('data', this.#read);
    for (const event of ['end', 'close']) socket.on(event, this.#ended);
  }

  /** The connection has ended. */
  get over(): boolean {
    return this.#over;
  }

  /** Sends the preface and SETTINGS, and acknowledges the server's SETTINGS. */
  async greet(settings: Buffer = Buffer.alloc(0)): Promise<this> {
    const noTable = setting(settingId.headerTableSize, 0);
    this.send(preface, frame(frameType.settings, 0, 0, Buffer.concat([noTable, settings])));
    await this.frame((received) => received.type === frameType.settings && received.flags === flag.ack);
    this.send(frame(frameType.settings, flag.ack, 0));
    return this;
  }

  /** Returns false when the kernel's buffer is full. */
  send(...frames: readonly Buffer[]): boolean {
    return this.socket.write(Buffer.concat(frames));
  }

  request(stream: number, fields: Fields, flags: number = flag.endStream): void {
    this.send(frame(frameType.headers, flags | flag.endHeaders, stream, fieldBlock(fields)));
  }

  data(stream: number, data: string | Buffer, flags = 0): void {
    this.send(frame(frameType.data, flags, stream, Buffer.from(data)));
  }

  reset(stream: number, code: number = errorCode.cancel): void {
    this.send(frame(frameType.reset, 0, stream, uint32(code)));
  }

  /** Resolves with the first matching frame. Throws when the connection ends first. */
  async frame(wanted: (frame: Frame) => boolean): Promise<Frame> {
    for (;;) {
      const found = this.received.find(wanted);
      if (found !== undefined) return found;
      if (this.#over) throw new Error(`the connection ended after ${this.received.length} frames`);
      await this.change();
    }
  }

  /**
   * How the stream ended: the status of its response, the code of its reset, or the code of the
   * GOAWAY that ended the connection.
   */
  async outcome(stream: number): Promise<string> {
    const isEnd = (received: Frame): boolean =>
      (received.stream === stream && (received.type === frameType.reset || hasEndStream(received))) ||
      isGoaway(received);
    const last = await this.frame(isEnd);
    if (last.type === frameType.reset) return `reset ${last.payload.readUInt32BE()}`;
    if (last.type === frameType.goaway) return `goaway ${last.payload.readUInt32BE(4)}`;
    return String(this.status(stream));
  }

  /** The first final status in the stream's HEADERS frames. */
  status(stream: number): number | undefined {
    const heads = this.received.filter((received) => received.stream === stream && received.type === frameType.headers);
    return heads.map(statusOf).find((status) => status >= 200);
  }

  body(stream: number): string {
    const pieces = this.received.filter((received) => received.stream === stream && received.type === frameType.data);
    return Buffer.concat(pieces.map(({ payload }) => payload)).toString();
  }

  /**
   * Resolves once the server has read everything sent so far. Rejects when the connection ends
   * first.
   */
  async roundTrip(mark: number): Promise<void> {
    const payload = Buffer.concat([uint32(mark), uint32(0x6d61726b)]);
    this.send(frame(frameType.ping, 0, 0, payload));
    await this.frame((received) => received.type === frameType.ping && received.payload.equals(payload));
  }

  /**
   * Waits for the end of the connection. Returns the code of the last GOAWAY, or undefined without
   * one.
   */
  async goaway(): Promise<number | undefined> {
    while (!this.#over) await this.change();
    return this.received.findLast(isGoaway)?.payload.readUInt32BE(4);
  }

  /** Resolves when data arrives or the connection ends. */
  change(): Promise<void> {
    return new Promise((resolve) => {
      this.#changed = resolve;
    });
  }

  readonly #read = (bytes: Buffer): void => {
    const { frames, rest } = readFrames(Buffer.concat([this.#rest, bytes]));
    this.received.push(...frames);
    this.#rest = Buffer.from(rest);
    this.#changed();
  };

  readonly #ended = (): void => {
    this.#over = true;
    this.#changed();
  };
}

function hasEndStream({ type, flags }: Frame): boolean {
  return (type === frameType.data || type === frameType.headers) && (flags & flag.endStream) !== 0;
}

function isGoaway({ type }: Frame): boolean {
  return type === frameType.goaway;
}
