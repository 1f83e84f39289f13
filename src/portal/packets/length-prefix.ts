// Frames messages on a stream before it becomes a raw pipe: a length as u32 big endian, then so many bytes. Parses no message.

/** The protocol's own limit; a real relay dies of a longer one. */
export const maxMessageBytes: number = 2 ** 26;

export const lengthBytes = 4;

export function prefixLength(message: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(lengthBytes + message.length);
  framed.writeUInt32BE(message.length);
  framed.set(message, lengthBytes);
  return framed;
}
