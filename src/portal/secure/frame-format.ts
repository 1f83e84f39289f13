// Constants of data frames: u32 length | 12-byte nonce | ciphertext | 16-byte tag. The length
// counts all bytes after it.

export const cipherName = 'chacha20-poly1305';
export const lengthBytes = 4;
const nonceBytes = 12;
export const headerBytes: number = lengthBytes + nonceBytes;
export const tagBytes = 16;

/** The difference between a frame's length and its plaintext, and so the minimum length. */
export const overheadBytes: number = nonceBytes + tagBytes;

/**
 * Frames with at most this much plaintext are sealed and opened in WebAssembly.
 * bench/micro/secure.ts: from about 3,400 bytes node:crypto is cheaper, on Node 24 and 26.
 */
export const smallPlaintextBytes = 3072;

/** The protocol's maximum of a frame's length. */
export const maxFrameBytes: number = 2 ** 26;

/** The longest frame of a Go writer, which splits above 2^25 bytes of plaintext. */
export const maxGoFrameBytes: number = 2 ** 25 + overheadBytes;

export const cipherOptions: { readonly authTagLength: number } = { authTagLength: tagBytes };
