// The memory layout of the WebAssembly cipher, shared by its generator (tools/wasm) and its caller.

/**
 * Addresses in bytes. A frame is length (4) | nonce (12) | data | tag (16). The 64 bytes before
 * each data area hold keystream block 0, whose first half is the one-time key of Poly1305; its
 * second half contains the header of the frame.
 */
export const aeadLayout = {
  key: 0,
  /** The tag computed while opening. */
  tag: 32,
  frame: 112,
  data: 128,
  /**
   * Data of an opened frame. Not a multiple of 4096 after `data`: loads would wait for stores with
   * the same low address bits.
   */
  plaintext: 31_872,
  /** Maximum plaintext of one frame, bytes. */
  capacityBytes: 16_384,
  /** Pages of 64 KiB. The memory cannot grow. */
  memoryPages: 1,
} as const;
