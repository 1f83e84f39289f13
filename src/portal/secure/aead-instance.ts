// Instantiates the WebAssembly module that tools/wasm generates.
import { aeadBinary } from './aead-binary.ts';

/**
 * The parts of the global object used here; neither TypeScript's ES libraries nor Node's types
 * declare them.
 */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: object };
};

/**
 * Addresses are those of aeadLayout, in bytes. tools/wasm/aead.ts documents what each function
 * leaves in memory.
 */
export interface AeadInstance {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly seal: (lengthBytes: number) => void;
  /** 1 if the tag is valid, otherwise 0. */
  readonly open: (lengthBytes: number) => number;
  readonly clear: (from: number, end: number) => void;
  /** RFC 8439 §2.3 and 2.4. Exported for tests. */
  readonly chacha20: (counter: number, from: number, to: number) => void;
  /** RFC 8439 §2.5. Exported for tests. */
  readonly poly1305: (key: number, from: number, end: number, tag: number) => void;
}

/** Creates an instance with its own memory. Throws if WebAssembly or its SIMD is missing. */
export function instantiateAead(): AeadInstance {
  const module = new WebAssembly.Module(Buffer.from(aeadBinary, 'base64'));
  return new WebAssembly.Instance(module).exports as unknown as AeadInstance;
}
