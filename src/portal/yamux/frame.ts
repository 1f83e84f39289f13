// The 12-byte yamux header: its fields, flags and layout. Spec: hashicorp/yamux spec.md, version 0.
// The multiplexer is our own, because yamux-js loses partial frames and never delivers FIN, and
// @libp2p/yamux takes 47 packages and six times as long in frames of 1 KiB.

/** version u8 | type u8 | flags u16 | stream id u32 | length u32, big endian. */
export const headerBytes = 12;
export const protocolVersion = 0;
/** Initial window of a new stream in each direction (spec.md, "Flow Control"). */
export const initialWindowBytes = 262_144;
/** The largest window that we grant, as relays do since v1.4.3. */
export const maxWindowBytes = 16_777_216;
export const maxUint32 = 0xffff_ffff;

export const frameType = { data: 0, windowUpdate: 1, ping: 2, goAway: 3 } as const;
export type FrameType = (typeof frameType)[keyof typeof frameType];

export const flag = { syn: 1, ack: 2, fin: 4, rst: 8 } as const;

export const goAwayCode = { normal: 0, protocolError: 1, internalError: 2 } as const;

/** Why the peer ends the session, for messages. */
export function goAwayReason(code: number): string {
  if (code === goAwayCode.protocolError) return 'a protocol error';
  return code === goAwayCode.internalError ? 'an internal error' : `code ${code}`;
}

export function writeHeader(
  target: Uint8Array,
  offset: number,
  type: FrameType,
  flags: number,
  streamId: number,
  length: number,
): void {
  target[offset] = protocolVersion;
  target[offset + 1] = type;
  target[offset + 2] = flags >>> 8;
  target[offset + 3] = flags;
  target[offset + 4] = streamId >>> 24;
  target[offset + 5] = streamId >>> 16;
  target[offset + 6] = streamId >>> 8;
  target[offset + 7] = streamId;
  target[offset + 8] = length >>> 24;
  target[offset + 9] = length >>> 16;
  target[offset + 10] = length >>> 8;
  target[offset + 11] = length;
}
