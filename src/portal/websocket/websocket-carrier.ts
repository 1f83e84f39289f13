// A byte stream over one open websocket, the same for both sides: groups pieces into messages and
// writes, limits the queue, and closes. Does not open the websocket or interpret the bytes.
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import { PortalError } from '../errors.ts';
import type { Carrier, CarrierHandler } from './carrier.ts';
import { controlFrameReader } from './control-frames.ts';
import { DataLane } from './data-lane.ts';
import type { LentReads } from './lent-reads.ts';

export interface CarrierOptions {
  /** send() returns false from this many bytes on. */
  readonly highWaterBytes?: number;
  /** How long a normal close may take before the connection is destroyed. */
  readonly closeGraceMs?: number;
}

export interface AcceptOptions extends CarrierOptions {
  readonly remote?: string;
  /** For a websocket that this side opened: reads its socket. */
  readonly reads?: LentReads;
  /** With `reads`, the largest message accepted. Set it in the options of `ws` as well. */
  readonly maxMessageBytes?: number;
}

/** Options for `ws` on either side. */
export const websocketOptions = {
  perMessageDeflate: false, // the payload is encrypted
  skipUTF8Validation: true, // text messages are treated as bytes
} as const;

const defaultHighWaterBytes = 1_048_576;
const defaultCloseGraceMs = 2_000;
/** One frame as large as the largest window (16 MiB), with a margin. */
export const defaultMaxMessageBytes = 33_554_432;
/**
 * Pieces of at least this size are sent as separate messages, because copying them costs more than
 * a message. Smaller ones share a message. bench/micro/carrier.ts, sender's CPU in s/GiB, separate
 * messages against one copy: 16 KiB frames 0.19 to 0.73, 4 KiB frames 0.60 to 0.97; 1.3 KiB frames
 * in separate messages 8.94 against 1.49 shared.
 */
const ownMessageBytes = 4_096;
/**
 * Maximum size of a shared message, so that the receiver need not gather it from several reads of
 * its socket.
 */
const sharedMessageBytes = 32_768;
/** Maximum of bytes before a handler is set. Only a hostile peer sends this much unrequested. */
const earlyLimitBytes = 1_048_576;
const normalCodes: ReadonlySet<number> = new Set([1000, 1001, 1005]); // RFC 6455 §7.4.1: normal, going away, no code

class WebSocketCarrier implements Carrier {
  readonly remote: string;
  readonly #ws: WebSocket;
  readonly #socket: Socket;
  readonly #highWaterBytes: number;
  readonly #closeGraceMs: number;
  #state: 'open' | 'closing' | 'closed' = 'open';
  #handler: CarrierHandler | undefined;
  #early:
    { chunks: Buffer[]; bytes: number; outcome: { readonly error: PortalError | undefined } | undefined } | undefined =
    { chunks: [], bytes: 0, outcome: undefined };
  #blocked = false;
  #cause: Error | undefined;
  #graceTimer: NodeJS.Timeout | undefined;

  constructor(ws: WebSocket, socket: Socket, remote: string, options: AcceptOptions) {
    this.#ws = ws;
    this.#socket = socket;
    this.remote = remote;
    this.#highWaterBytes = options.highWaterBytes ?? defaultHighWaterBytes;
    this.#closeGraceMs = options.closeGraceMs ?? defaultCloseGraceMs;
    ws.on('error', (error) => {
      this.#cause ??= error;
    });
    const control = options.reads && controlFrameReader(ws, socket);
    if (options.reads === undefined || control === undefined) this.#takeMessages();
    else this.#takeReads(options.reads, control, options.maxMessageBytes ?? defaultMaxMessageBytes);
    ws.on('close', (code) => {
      this.#finish(code);
    });
    socket.on('drain', this.#onDrain);
  }

  get bufferedBytes(): number {
    return this.#socket.writableLength;
  }

  setHandler(handler: CarrierHandler): void {
    this.#handler = handler;
    // In a microtask, because the caller may not be fully constructed.
    if (this.#early !== undefined) queueMicrotask(this.#releaseEarly);
  }

  send(pieces: readonly Uint8Array[]): boolean {
    if (this.#state !== 'open') return true;
    const first = pieces[0];
    if (first === undefined) return true;
    // Corked, so that the messages below leave in one system call.
    this.#socket.cork();
    if (pieces.length === 1) this.#ws.send(first);
    else this.#sendRuns(pieces);
    this.#socket.uncork();
    if (this.#socket.writableLength < this.#highWaterBytes) return true;
    this.#blocked = true;
    return false;
  }

  close(): void {
    if (this.#state !== 'open') return;
    this.#state = 'closing';
    this.#forget();
    this.#graceTimer = setTimeout(() => {
      this.#ws.terminate();
    }, this.#closeGraceMs);
    this.#ws.close(1000);
  }

  /** Gathers each run of small pieces into a message; sends large pieces unchanged. */
  #sendRuns(pieces: readonly Uint8Array[]): void {
    let start = 0;
    let runBytes = 0;
    for (let index = 0; index < pieces.length; index += 1) {
      const piece = pieces[index];
      if (piece === undefined) break;
      const isLarge = piece.length >= ownMessageBytes;
      if (isLarge || runBytes + piece.length > sharedMessageBytes) {
        this.#sendShared(pieces, start, index, runBytes);
        start = index;
        runBytes = 0;
      }
      if (isLarge) {
        this.#ws.send(piece);
        start = index + 1;
      } else runBytes += piece.length;
    }
    this.#sendShared(pieces, start, pieces.length, runBytes);
  }

  /** Sends pieces[start, end) as one message. */
  #sendShared(pieces: readonly Uint8Array[], start: number, end: number, bytes: number): void {
    if (bytes === 0) return;
    const message = Buffer.allocUnsafe(bytes);
    let filled = 0;
    for (let index = start; index < end; index += 1) {
      const piece = pieces[index];
      if (piece === undefined) break;
      message.set(piece, filled);
      filled += piece.length;
    }
    this.#ws.send(message);
  }

  #takeMessages(): void {
    this.#ws.binaryType = 'fragments'; // the received pieces, without joining them by a copy
    this.#ws.on('message', (fragments) => {
      // `ws` delivers text as one Buffer regardless of binaryType.
      if (Array.isArray(fragments)) for (const fragment of fragments) this.#receive(fragment);
      else this.#receive(fragments as Buffer);
    });
  }

  /**
   * Reads the socket in front of `ws`, which from now on gets control frames only and still handles
   * the protocol. `ws` would copy each message that arrives in several reads, and each read would
   * be a new buffer: with deciphering, three buffers for a byte instead of one.
   */
  #takeReads(reads: LentReads, readByWs: (chunk: Buffer) => void, maxMessageBytes: number): void {
    const lane = new DataLane(maxMessageBytes, {
      data: (chunk) => {
        this.#receive(chunk);
      },
      control: (chunk) => {
        readByWs(Buffer.from(chunk));
      },
      malformed: (error, closeCode) => {
        this.#cause ??= error;
        this.#ws.close(closeCode);
      },
    });
    const push = (chunk: Buffer): void => {
      lane.push(chunk);
    };
    // Bytes after the upgrade response are in the socket's buffer, and are emitted before any new
    // read.
    this.#socket.removeAllListeners('data').on('data', push);
    reads.divert(push);
  }

  #receive(chunk: Buffer): void {
    if (this.#state !== 'open') return;
    const early = this.#early;
    if (early === undefined) {
      this.#handler?.data(chunk);
      return;
    }
    early.chunks.push(Buffer.from(chunk));
    early.bytes += chunk.length;
    if (early.bytes <= earlyLimitBytes) return;
    this.#cause ??= new Error(`more than ${earlyLimitBytes} bytes before the session began`);
    early.chunks = [];
    this.#ws.terminate();
  }

  readonly #releaseEarly = (): void => {
    const early = this.#early;
    if (early === undefined) return;
    this.#early = undefined;
    // Read in each iteration: the handler may close this carrier, or replace itself, on any chunk.
    for (const chunk of early.chunks) this.#handler?.data(chunk);
    if (early.outcome !== undefined) this.#reportClosed(early.outcome.error);
  };

  readonly #onDrain = (): void => {
    if (!this.#blocked) return;
    this.#blocked = false;
    this.#handler?.drain();
  };

  #finish(code: number): void {
    clearTimeout(this.#graceTimer);
    this.#socket.off('drain', this.#onDrain);
    const byPeer = this.#state === 'open';
    this.#state = 'closed';
    if (!byPeer) return;
    const error = normalCodes.has(code) && this.#cause === undefined ? undefined : this.#lost(code);
    if (this.#early !== undefined) this.#early.outcome = { error };
    else this.#reportClosed(error);
  }

  #reportClosed(error: PortalError | undefined): void {
    const handler = this.#handler;
    this.#forget();
    handler?.close(error);
  }

  #forget(): void {
    this.#handler = undefined;
    this.#early = undefined;
  }

  #lost(code: number): PortalError {
    const why = this.#cause?.message ?? (code === 1006 ? 'no close frame' : 'closed by the peer');
    return new PortalError('carrier_closed', `the websocket to ${this.remote} ended: ${why} (code ${code})`, {
      cause: this.#cause,
    });
  }
}

/**
 * Takes over an open websocket. Call it within the callback that announced the websocket; later
 * calls would lose messages. `socket` is the underlying connection, whose writes are corked and
 * counted here.
 */
export function acceptCarrier(ws: WebSocket, socket: Socket, options: AcceptOptions = {}): Carrier {
  return new WebSocketCarrier(ws, socket, options.remote ?? remoteOf(socket), options);
}

function remoteOf(socket: Socket): string {
  const address = socket.remoteAddress ?? 'unknown';
  return `${address.includes(':') ? `[${address}]` : address}:${socket.remotePort ?? 0}`;
}
