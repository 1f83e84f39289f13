// Where key, frame and plaintext lie in the memory of the WebAssembly cipher. Both the module's generator (tools/wasm) and its
// caller go by these addresses.

/**
 * Addresses in bytes. A frame is length (4) | nonce (12) | data | tag (16). The 64 bytes before each data area take keystream
 * block 0, whose first half is the one-time key of Poly1305; the header of a frame lies in the other half.
 */
export const aeadLayout = {
  key: 0,
  /** The tag as computed while opening. */
  tag: 32,
  frame: 112,
  data: 128,
  /** Of an opened frame. Behind `data` by no multiple of 4096, where loads would wait for stores that look alike. */
  plaintext: 31_872,
  /** The most plaintext of one frame, bytes. */
  capacityBytes: 16_384,
  /** Of 64 KiB each. The memory cannot grow. */
  memoryPages: 1,
} as const;
