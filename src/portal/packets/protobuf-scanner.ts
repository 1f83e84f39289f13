// Scans one protobuf message that arrives in chunks and reports its fields: begin and end of nested
// messages, and of other fields at most the bytes that the handler wants. The handler has the
// schema. The state between chunks is the stack of open messages and the kept bytes of a partial
// field. @bufbuild/protobuf decodes whole messages only, and a lease list may have 64 MiB.
import { PortalError } from '../errors.ts';

/** `keepBytes`: a longer field is reported without its bytes. 0: skipped, not reported. */
export type FieldKind<M> = 'varint' | { readonly message: M } | { readonly keepBytes: number };

export interface ScanHandler<M> {
  /** Undefined: an unknown field, which is skipped. */
  kindOf(message: M, number: number): FieldKind<M> | undefined;
  begin(message: M): void;
  end(message: M): void;
  /** As int64; exact from -2^53 to 2^53. */
  varint(message: M, number: number, value: number): void;
  /** Undefined: longer than `keepBytes`. Valid during the call only. */
  bytes(message: M, number: number, value: Buffer | undefined): void;
}

interface Open<M> {
  readonly message: M;
  /** Position after its last byte. */
  readonly end: number;
}

type Step = 'tag' | 'varint' | 'length' | 'keep' | 'skip';

const wireType = { varint: 0, bit64: 1, lengthDelimited: 2, startGroup: 3, endGroup: 4, bit32: 5 } as const;
/** The maximum of every encoder. */
const maxVarintBytes = 10;
const lowBytes = 4;
const lowRange = 2 ** 28;
/** Groups occur only as unknown fields. The same limit as in codec.ts. */
const maxGroupDepth = 32;
/** A field takes less than a microsecond. */
const stepsPerYield = 64;

export class ProtobufScanner<M> {
  readonly #handler: ScanHandler<M>;
  readonly #stack: Open<M>[];
  readonly #groups: number[] = [];
  #position = 0;
  #step: Step = 'tag';
  #number = 0;
  /** The field being read. Undefined: unknown. */
  #kind: FieldKind<M> | undefined = undefined;
  /**
   * The varint being read: its lower 28 bits and the rest, each of which a double holds exactly.
   */
  #low = 0;
  #high = 0;
  #scale = 1;
  #count = 0;
  /** Remaining bytes of the field. */
  #left = 0;
  #kept: Buffer | undefined = undefined;
  #keptBytes = 0;

  constructor(message: M, length: number, handler: ScanHandler<M>) {
    this.#handler = handler;
    this.#stack = [{ message, end: length }];
    handler.begin(message);
    this.#close();
  }

  get done(): boolean {
    return this.#stack.length === 0;
  }

  /** Reads the chunk starting at `from`; bytes after the message are not read. */
  *scan(chunk: Buffer, from: number): Generator<void, void> {
    let at = from;
    let steps = 0;
    while (at < chunk.length && this.#stack.length > 0) {
      at += this.#advance(chunk, at);
      steps += 1;
      if (steps % stepsPerYield === 0) yield;
    }
  }

  /** Returns the number of bytes used: one varint, or the chunk's part of a field. */
  #advance(chunk: Buffer, at: number): number {
    return this.#step === 'keep' || this.#step === 'skip' ? this.#content(chunk, at) : this.#varintBytes(chunk, at);
  }

  #varintBytes(chunk: Buffer, from: number): number {
    const end = this.#open().end;
    let at = from;
    while (at < chunk.length) {
      if (this.#position >= end) throw malformed('a number is cut short');
      if (this.#count === maxVarintBytes) throw malformed('a number is longer than ten bytes');
      const byte = chunk[at++] ?? 0;
      this.#position += 1;
      this.#count += 1;
      if (this.#count <= lowBytes) this.#low += (byte & 0x7f) * this.#scale;
      else this.#high += (byte & 0x7f) * this.#scale;
      this.#scale = this.#count === lowBytes ? 1 : this.#scale * 128;
      if (byte < 0x80) {
        const [low, high] = [this.#low, this.#high];
        this.#low = this.#high = this.#count = 0;
        this.#scale = 1;
        this.#varintComplete(low, high);
        return at - from;
      }
    }
    return at - from;
  }

  /** A varint is complete. */
  #varintComplete(low: number, high: number): void {
    const value = high * lowRange + low;
    if (this.#step === 'tag') this.#tag(Math.floor(value / 8), value % 8, value);
    else if (this.#step === 'length') this.#length(value);
    else {
      if (this.#kind === 'varint')
        this.#handler.varint(this.#open().message, this.#number, signed(high) * lowRange + low);
      this.#next();
    }
  }

  #tag(number: number, type: number, tag: number): void {
    const { message } = this.#open();
    if (number === 0 || tag > 0xffff_ffff) throw malformed('impossible field number');
    this.#number = number;
    this.#kind = this.#groups.length > 0 ? undefined : this.#handler.kindOf(message, number);
    if (this.#kind !== undefined) {
      if (type !== (this.#kind === 'varint' ? wireType.varint : wireType.lengthDelimited))
        throw malformed(`the field ${number} of ${String(message)} has the wrong wire type ${type}`);
    }
    switch (type) {
      case wireType.varint:
        this.#step = 'varint';
        return;
      case wireType.lengthDelimited:
        this.#step = 'length';
        return;
      case wireType.bit64:
        this.#skip(8);
        return;
      case wireType.bit32:
        this.#skip(4);
        return;
      case wireType.startGroup:
        this.#groups.push(number);
        if (this.#groups.length > maxGroupDepth) throw malformed('groups are nested too deeply');
        this.#next();
        return;
      case wireType.endGroup:
        if (this.#groups.pop() !== number) throw malformed('a group ends that never began');
        this.#next();
        return;
      default:
        throw malformed(`there is no wire type ${type}`);
    }
  }

  #length(length: number): void {
    const { end, message } = this.#open();
    if (length > end - this.#position) throw malformed('a field is longer than its message');
    const kind = this.#kind;
    if (kind === undefined || kind === 'varint') this.#skip(length);
    else if ('message' in kind) {
      this.#stack.push({ message: kind.message, end: this.#position + length });
      this.#handler.begin(kind.message);
      this.#next();
    } else if (kind.keepBytes === 0) this.#skip(length);
    else if (length > kind.keepBytes) {
      this.#handler.bytes(message, this.#number, undefined);
      this.#skip(length);
    } else {
      this.#left = length;
      this.#step = 'keep';
      if (length === 0) this.#complete(Buffer.alloc(0));
    }
  }

  #skip(bytes: number): void {
    if (bytes > this.#open().end - this.#position) throw malformed('a field is cut short');
    this.#left = bytes;
    this.#step = 'skip';
    if (bytes === 0) this.#next();
  }

  #content(chunk: Buffer, at: number): number {
    const bytes = Math.min(this.#left, chunk.length - at);
    this.#position += bytes;
    this.#left -= bytes;
    if (this.#step === 'skip') {
      if (this.#left === 0) this.#next();
      return bytes;
    }
    const part = chunk.subarray(at, at + bytes);
    if (this.#left === 0 && this.#kept === undefined) this.#complete(part);
    else {
      this.#kept ??= Buffer.allocUnsafe(bytes + this.#left);
      part.copy(this.#kept, this.#keptBytes);
      this.#keptBytes += bytes;
      if (this.#left === 0) this.#complete(this.#kept);
    }
    return bytes;
  }

  #complete(value: Buffer): void {
    this.#kept = undefined;
    this.#keptBytes = 0;
    this.#handler.bytes(this.#open().message, this.#number, value);
    this.#next();
  }

  #next(): void {
    this.#step = 'tag';
    this.#close();
  }

  /** Ends the messages that are complete. */
  #close(): void {
    for (let open = this.#stack.at(-1); open?.end === this.#position; open = this.#stack.at(-1)) {
      if (this.#groups.length > 0) throw malformed('a group is cut short');
      this.#stack.pop();
      this.#handler.end(open.message);
    }
  }

  #open(): Open<M> {
    const open = this.#stack.at(-1);
    if (open === undefined) throw new Error('the message was already complete');
    return open;
  }
}

/** The upper 36 bits of an int64. */
function signed(high: number): number {
  const bits = high % 2 ** 36;
  return bits >= 2 ** 35 ? bits - 2 ** 36 : bits;
}

function malformed(message: string): PortalError {
  return new PortalError('packet_malformed', message);
}
