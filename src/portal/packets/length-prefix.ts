// Owns the framing of messages on a stream before it becomes a raw pipe: u32 big endian, then so many bytes
// (portal-protocol §3, §5.2). Knows nothing of what the bytes say.

/** The protocol's own limit; a real relay dies of a longer one. */
export const maxMessageBytes: number = 2 ** 26;

export const lengthBytes = 4;

export function prefixLength(message: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(lengthBytes + message.length);
  framed.writeUInt32BE(message.length);
  framed.set(message, lengthBytes);
  return framed;
}
