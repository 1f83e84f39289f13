// Parses the frames that a websocket server sends (RFC 6455 §5) into a byte stream: payload is
// passed on as it arrives, without assembling messages. Control frames are passed on unchanged,
// because `ws` handles them. Does not use the socket. `ws` copies each message that arrives in
// several reads (bench/README.md).

export interface DataLaneHandler {
  /** Payload, never empty: a view of the pushed chunk. */
  data(chunk: Buffer): void;
  /** A control frame, or a part of one: a view of the pushed chunk. */
  control(chunk: Buffer): void;
  /** The peer violated the protocol; `closeCode` is the status code to send. The last call. */
  malformed(error: RangeError, closeCode: number): void;
}

const opcode = { continuation: 0, binary: 2, firstControl: 8, lastControl: 10 } as const;
const finBit = 0x80;
const reservedBits = 0x70;
const maskBit = 0x80;
const maxControlBytes = 125;
/** A 64-bit length and no mask. */
const maxHeaderBytes = 10;
const closeCodes = { protocolError: 1002, messageTooBig: 1009 } as const;

export class DataLane {
  readonly #maxMessageBytes: number;
  readonly #handler: DataLaneHandler;
  /** The received part of an incomplete header. */
  readonly #partial: Buffer = Buffer.alloc(maxHeaderBytes);
  #partialBytes = 0;
  /** The remaining bytes of the current frame. */
  #leftBytes = 0;
  #isControl = false;
  /** Set between the fragments of a message. */
  #inMessage = false;
  #messageBytes = 0;
  #stopped = false;

  constructor(maxMessageBytes: number, handler: DataLaneHandler) {
    this.#maxMessageBytes = maxMessageBytes;
    this.#handler = handler;
  }

  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length && !this.#stopped) {
      if (this.#leftBytes > 0) {
        const end = Math.min(chunk.length, at + this.#leftBytes);
        this.#leftBytes -= end - at;
        const piece = chunk.subarray(at, end);
        if (this.#isControl) this.#handler.control(piece);
        else this.#handler.data(piece);
        at = end;
      } else if (this.#partialBytes === 0 && chunk.length - at >= maxHeaderBytes) {
        const end = at + headerLength(chunk.readUInt8(at + 1));
        this.#header(chunk.subarray(at, end));
        at = end;
      } else at = this.#gather(chunk, at);
    }
  }

  #gather(chunk: Buffer, at: number): number {
    const wantedBytes = this.#partialBytes < 2 ? 2 : headerLength(this.#partial.readUInt8(1));
    const end = Math.min(chunk.length, at + wantedBytes - this.#partialBytes);
    chunk.copy(this.#partial, this.#partialBytes, at, end);
    this.#partialBytes += end - at;
    if (this.#partialBytes < 2 || this.#partialBytes < headerLength(this.#partial.readUInt8(1))) return end;
    const header = this.#partial.subarray(0, this.#partialBytes);
    this.#partialBytes = 0;
    this.#header(header);
    return end;
  }

  #header(header: Buffer): void {
    const first = header.readUInt8(0);
    const kind = first & 0x0f;
    const bytes = payloadLength(header);
    const problem = this.#problemOf(first, header.readUInt8(1), bytes);
    if (problem !== undefined) {
      this.#stop(problem, closeCodes.protocolError);
      return;
    }
    this.#isControl = kind >= opcode.firstControl;
    this.#leftBytes = bytes;
    if (this.#isControl) {
      this.#handler.control(header);
      return;
    }
    this.#messageBytes = kind === opcode.continuation ? this.#messageBytes + bytes : bytes;
    this.#inMessage = (first & finBit) === 0;
    if (this.#messageBytes > this.#maxMessageBytes)
      this.#stop(`a message of more than ${this.#maxMessageBytes} bytes`, closeCodes.messageTooBig);
  }

  #problemOf(first: number, second: number, bytes: number): string | undefined {
    const kind = first & 0x0f;
    if ((first & reservedBits) !== 0) return 'a frame with reserved bits';
    if ((second & maskBit) !== 0) return 'a masked frame from a server';
    if (kind > opcode.lastControl || (kind > opcode.binary && kind < opcode.firstControl))
      return `unknown opcode ${kind}`;
    if (kind >= opcode.firstControl) {
      return (first & finBit) === 0 || bytes > maxControlBytes ? 'a control frame that is long or cut' : undefined;
    }
    return (kind === opcode.continuation) === this.#inMessage ? undefined : 'fragments out of order';
  }

  #stop(problem: string, closeCode: number): void {
    this.#stopped = true;
    this.#handler.malformed(new RangeError(problem), closeCode);
  }
}

function headerLength(second: number): number {
  const short = second & 0x7f;
  return short === 126 ? 4 : short === 127 ? 10 : 2;
}

/** Inexact above 2^53, where it exceeds every limit anyway. */
function payloadLength(header: Buffer): number {
  const short = header.readUInt8(1) & 0x7f;
  if (short === 126) return header.readUInt16BE(2);
  return short === 127 ? header.readUInt32BE(2) * 2 ** 32 + header.readUInt32BE(6) : short;
}
