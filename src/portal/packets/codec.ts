// Strict protobuf decoding: a known field with the wrong wire type, a nested message that exceeds
// its parent and field number 0 are errors; unknown fields are skipped. Independent of the packet
// types.
//
// The generated decoder ignores the wire type of known fields and does not check nested lengths
// against their parent. The Go peers reject both, so the bytes are validated in one pass before
// decoding.
import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  ScalarType,
  toBinary,
} from '@bufbuild/protobuf';
import { PortalError } from '../errors.ts';

const wireTypes = { varint: 0, bit64: 1, lengthDelimited: 2, startGroup: 3, endGroup: 4, bit32: 5 } as const;

/** Peers never send groups; unknown fields may nest them this deep. */
const maxGroupDepth = 32;

/** Throws PortalError packet_malformed for all input that the Go peers reject. */
export function decodeStrictly<Desc extends DescMessage>(desc: Desc, bytes: Uint8Array): MessageShape<Desc> {
  try {
    new Walk(bytes).message(desc, bytes.length);
    return fromBinary(desc, bytes, { readUnknownFields: false });
  } catch (error) {
    if (error instanceof PortalError) throw error;
    throw malformed(`${desc.name} cannot be decoded`, error);
  }
}

export function encode<Desc extends DescMessage>(desc: Desc, init: MessageInitShape<Desc>): Uint8Array {
  return toBinary(desc, create(desc, init));
}

function malformed(message: string, cause?: unknown): PortalError {
  return new PortalError('packet_malformed', message, cause === undefined ? {} : { cause });
}

class Walk {
  readonly #bytes: Uint8Array;
  #position = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /**
   * Reads one message that ends exactly at `end`. The schema is not recursive, so its depth limits
   * the recursion.
   */
  message(desc: DescMessage, end: number): void {
    while (this.#position < end) {
      const tag = this.#varint(end);
      const number = Math.floor(tag / 8);
      const wireType = tag % 8;
      if (number === 0 || tag > 0xffff_ffff) throw malformed(`${desc.name} has an impossible field number`);
      const field = desc.fields.find((candidate) => candidate.number === number);
      if (field === undefined) {
        this.#skip(number, wireType, end);
        continue;
      }
      const child = field.fieldKind === 'message' || field.fieldKind === 'list' ? field.message : undefined;
      if (wireType !== (isVarint(field.fieldKind, field.scalar) ? wireTypes.varint : wireTypes.lengthDelimited)) {
        throw malformed(`${desc.name}.${field.name} has the wrong wire type ${wireType}`);
      }
      if (wireType === wireTypes.varint) this.#varint(end);
      else if (child === undefined) this.#position = this.#lengthDelimited(end);
      else this.message(child, this.#lengthDelimited(end));
    }
  }

  /** Reads a length and returns the end of the field. */
  #lengthDelimited(end: number): number {
    const length = this.#varint(end);
    if (length > end - this.#position) throw malformed('a field is longer than its message');
    return this.#position + length;
  }

  /** Exact up to 2^53; larger values are only compared. At most ten bytes. */
  #varint(end: number): number {
    let value = 0;
    let scale = 1;
    for (let count = 0; count < 10; count += 1) {
      if (this.#position >= end) throw malformed('a number is cut short');
      const byte = this.#bytes[this.#position++] ?? 0;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
    throw malformed('a number is longer than ten bytes');
  }

  #skip(number: number, wireType: number, end: number): void {
    const open: number[] = [];
    let current = number;
    let type = wireType;
    for (;;) {
      this.#skipValue(current, type, end, open);
      if (open.length === 0) return;
      if (open.length > maxGroupDepth) throw malformed('groups are nested too deeply');
      const tag = this.#varint(end);
      current = Math.floor(tag / 8);
      type = tag % 8;
      if (current === 0) throw malformed('impossible field number in a group');
    }
  }

  #skipValue(number: number, wireType: number, end: number, openGroups: number[]): void {
    switch (wireType) {
      case wireTypes.varint:
        this.#varint(end);
        return;
      case wireTypes.bit64:
        this.#advance(8, end);
        return;
      case wireTypes.bit32:
        this.#advance(4, end);
        return;
      case wireTypes.lengthDelimited:
        this.#position = this.#lengthDelimited(end);
        return;
      case wireTypes.startGroup:
        openGroups.push(number);
        return;
      case wireTypes.endGroup:
        if (openGroups.pop() !== number) throw malformed('a group ends that never began');
        return;
      default:
        throw malformed(`there is no wire type ${wireType}`);
    }
  }

  #advance(bytes: number, end: number): void {
    if (bytes > end - this.#position) throw malformed('a field is cut short');
    this.#position += bytes;
  }
}

function isVarint(kind: DescMessage['fields'][number]['fieldKind'], scalar: ScalarType | undefined): boolean {
  return kind === 'enum' || (kind === 'scalar' && scalar !== ScalarType.STRING && scalar !== ScalarType.BYTES);
}
