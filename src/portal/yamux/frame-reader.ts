// Splits a byte stream into frames. Chunk boundaries only affect the pieces of a body, not the
// other calls. Does not interpret frames, and buffers only partial headers.
import { frameType, headerBytes, protocolVersion, type FrameType } from './frame.ts';

export interface FrameSink {
  /** A complete header. `length` bytes of body follow if the type is Data. */
  frame(type: FrameType, flags: number, streamId: number, length: number): void;
  /** A view of the incoming chunk, never empty; `last` marks the end of the frame's body. */
  body(chunk: Buffer, last: boolean): void;
  /** The version is not 0. The last call. */
  malformed(problem: string): void;
}

export class FrameReader {
  readonly #sink: FrameSink;
  /** The received part of an incomplete header. */
  readonly #partial: Buffer = Buffer.alloc(headerBytes);
  #partialBytes = 0;
  #bodyBytesLeft = 0;
  #stopped = false;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /** Makes no further calls of the sink, even in the middle of a chunk. */
  stop(): void {
    this.#stopped = true;
  }

  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length && !this.#stopped) {
      if (this.#bodyBytesLeft > 0) {
        const end = Math.min(chunk.length, at + this.#bodyBytesLeft);
        const piece = at === 0 && end === chunk.length ? chunk : chunk.subarray(at, end);
        this.#bodyBytesLeft -= end - at;
        at = end;
        this.#sink.body(piece, this.#bodyBytesLeft === 0);
      } else if (this.#partialBytes === 0 && chunk.length - at >= headerBytes) {
        this.#header(chunk, at);
        at += headerBytes;
      } else {
        const end = Math.min(chunk.length, at + headerBytes - this.#partialBytes);
        chunk.copy(this.#partial, this.#partialBytes, at, end);
        this.#partialBytes += end - at;
        at = end;
        if (this.#partialBytes === headerBytes) {
          this.#partialBytes = 0;
          this.#header(this.#partial, 0);
        }
      }
    }
  }

  #header(bytes: Buffer, at: number): void {
    const version = bytes.readUInt8(at);
    const type = bytes.readUInt8(at + 1);
    if (version !== protocolVersion || !isFrameType(type)) {
      this.#stopped = true;
      this.#sink.malformed(version === protocolVersion ? `unknown frame type ${type}` : `unknown version ${version}`);
      return;
    }
    const length = bytes.readUInt32BE(at + 8);
    if (type === frameType.data) this.#bodyBytesLeft = length;
    this.#sink.frame(type, bytes.readUInt16BE(at + 2), bytes.readUInt32BE(at + 4), length);
  }
}

function isFrameType(value: number): value is FrameType {
  return value <= frameType.goAway;
}
