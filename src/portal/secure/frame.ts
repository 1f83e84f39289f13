// The numbers of a data frame: u32 length | 12-byte nonce | ciphertext | 16-byte tag, where the length counts all that follows it.

export const cipherName = 'chacha20-poly1305';
export const lengthBytes = 4;
const nonceBytes = 12;
export const headerBytes: number = lengthBytes + nonceBytes;
export const tagBytes = 16;

/** What a frame's length says beyond its plaintext, and so the least that it may say. */
export const overheadBytes: number = nonceBytes + tagBytes;

/**
 * Frames with at most this much plaintext are sealed and opened in WebAssembly. bench/micro/secure.ts: at about 3,400 bytes
 * node:crypto becomes the cheaper one, on Node 24 and 26.
 */
export const smallPlaintextBytes = 3072;

/** The protocol's limit of a frame's length. */
export const maxFrameBytes: number = 2 ** 26;

/** The longest frame of a Go writer, which splits above 2^25 of plaintext. */
export const maxGoFrameBytes: number = 2 ** 25 + overheadBytes;

export const cipherOptions: { readonly authTagLength: number } = { authTagLength: tagBytes };
