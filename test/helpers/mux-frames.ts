// A second, naive yamux parser for tests: whole buffers, DataView, no state. Shares no code with
// the mux.

export interface WireFrame {
  readonly type: number;
  readonly flags: number;
  readonly id: number;
  readonly length: number;
  readonly body: Buffer;
}

export const types = { data: 0, windowUpdate: 1, ping: 2, goAway: 3 } as const;
export const flags = { syn: 1, ack: 2, fin: 4, rst: 8 } as const;

/** Parses bytes that end at a frame boundary. */
export function parseFrames(bytes: Buffer): WireFrame[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const frames: WireFrame[] = [];
  for (let at = 0; at < bytes.length;) {
    if (bytes.length - at < 12) throw new Error(`a header of ${bytes.length - at} bytes`);
    const [type, length] = [view.getUint8(at + 1), view.getUint32(at + 8)];
    if (view.getUint8(at) !== 0) throw new Error(`version ${view.getUint8(at)}`);
    const bodyEnd = at + 12 + (type === types.data ? length : 0);
    if (bodyEnd > bytes.length) throw new Error('a body that is cut');
    frames.push({
      type,
      flags: view.getUint16(at + 2),
      id: view.getUint32(at + 4),
      length,
      body: bytes.subarray(at + 12, bodyEnd),
    });
    at = bodyEnd;
  }
  return frames;
}

/** Builds any frame, valid or not. */
export function rawFrame(type: number, frameFlags: number, id: number, length: number, body?: Buffer): Buffer {
  const header = Buffer.alloc(12);
  header.writeUInt8(type, 1);
  header.writeUInt16BE(frameFlags, 2);
  header.writeUInt32BE(id, 4);
  header.writeUInt32BE(length, 8);
  return body === undefined ? header : Buffer.concat([header, body]);
}

export function dataFrame(id: number, body: Buffer | string, frameFlags = 0): Buffer {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  return rawFrame(types.data, frameFlags, id, bytes.length, bytes);
}

export function describeFrame(frame: WireFrame): string {
  const type = ['Data', 'WindowUpdate', 'Ping', 'GoAway'][frame.type] ?? `type ${frame.type}`;
  const names = Object.entries(flags)
    .filter(([, bit]) => (frame.flags & bit) !== 0)
    .map(([name]) => name.toUpperCase());
  return `${type} ${names.join('|') || '-'} ${frame.id} ${frame.length}`;
}
