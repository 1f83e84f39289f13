// Frames messages on a stream before it becomes a raw pipe: a u32 big-endian length, then the
// message. Does not parse messages.

/** The protocol's limit; other relays crash on a longer message. */
export const maxMessageBytes: number = 2 ** 26;

export const lengthBytes = 4;

export function prefixLength(message: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(lengthBytes + message.length);
  framed.writeUInt32BE(message.length);
  framed.set(message, lengthBytes);
  return framed;
}
