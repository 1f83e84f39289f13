// Encodes and decodes HTTP/2 frames (RFC 9113 §4, §6), in any order and form. Of HPACK (RFC 7541),
// supports only what a client needs that never compresses and reads only :status.

export const frameType = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const flag = { endStream: 0x1, ack: 0x1, endHeaders: 0x4 } as const;
export const errorCode = { none: 0, protocol: 1, internal: 2, refused: 7, cancel: 8, connect: 10, calm: 11 } as const;

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

export type Fields = readonly (readonly [name: string, value: string])[];

export const preface: Buffer = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const headBytes = 9;

export function frame(type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(headBytes);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

export const settingId = { headerTableSize: 1, initialWindowSize: 4 } as const;

export function setting(id: number, value: number): Buffer {
  return Buffer.concat([Buffer.from([0, id]), uint32(value)]);
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** The whole frames at the start of the bytes, and the remaining bytes. */
export function readFrames(bytes: Buffer): { readonly frames: readonly Frame[]; readonly rest: Buffer } {
  const frames: Frame[] = [];
  let at = 0;
  while (bytes.length - at >= headBytes) {
    const end = at + headBytes + bytes.readUIntBE(at, 3);
    if (bytes.length < end) break;
    const stream = bytes.readUInt32BE(at + 5) & 0x7fffffff;
    const payload = bytes.subarray(at + headBytes, end);
    frames.push({ type: bytes[at + 3] ?? 0, flags: bytes[at + 4] ?? 0, stream, payload });
    at = end;
  }
  return { frames, rest: bytes.subarray(at) };
}

/** Encodes literals without indexing (RFC 7541 §6.2.2) and without Huffman coding. */
export function fieldBlock(fields: Fields): Buffer {
  return Buffer.concat(fields.flatMap((field) => [Buffer.from([0]), ...field.map(literal)]));
}

function literal(text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1');
  return Buffer.concat([integer(bytes.length, 7), bytes]);
}

/** Integer representation (RFC 7541 §5.1). */
function integer(value: number, prefixBits: number): Buffer {
  const max = 2 ** prefixBits - 1;
  if (value < max) return Buffer.from([value]);
  const bytes = [max];
  let rest = value - max;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return Buffer.from([...bytes, rest]);
}

/** RFC 7541 appendix A: entries 8 to 14 of the static table. */
const indexedStatus = [200, 204, 206, 304, 400, 404, 500];

/** The :status at the start of a HEADERS frame, where nghttp2 writes it. Keeps no dynamic table. */
export function statusOf({ payload }: Frame): number {
  // A dynamic table size update may precede it (RFC 7541 §6.3).
  let at = 0;
  while (((payload[at] ?? 0) & 0xe0) === 0x20) at += 1;
  const first = payload[at] ?? 0;
  if (first >= 0x80) return indexedStatus[(first & 0x7f) - 8] ?? 0;
  // A literal whose name is entry 8 (RFC 7541 §6.2); the value is three digits, plain or
  // Huffman-coded.
  const length = payload[at + 1] ?? 0;
  const value = payload.subarray(at + 2, at + 2 + (length & 0x7f));
  return length < 0x80 ? Number(value.toString('latin1')) : huffmanDigits(value);
}

/** RFC 7541 appendix B: 0, 1 and 2 have five bits, the other digits six. */
function huffmanDigits(bytes: Buffer): number {
  let bits = Array.from(bytes, (byte) => byte.toString(2).padStart(8, '0')).join('');
  let digits = '';
  while (digits.length < 3) {
    const short = Number.parseInt(bits.slice(0, 5), 2);
    digits += short <= 2 ? String(short) : String(Number.parseInt(bits.slice(0, 6), 2) - 0b011001 + 3);
    bits = bits.slice(short <= 2 ? 5 : 6);
  }
  return Number(digits);
}
