// The type of test/vectors/frames.json: frames that the Go implementation writes, and streams as it
// reads them.
export interface FrameVectors {
  writes: {
    name: string;
    keyHex: string;
    nonceHex: string;
    plaintextHex?: string;
    plaintextLength?: number;
    plaintextRule?: { mul: number; add: number };
    frameHex?: string;
    frameLength?: number;
    frameHeadHex?: string;
    frameTailHex?: string;
    frameSha256?: string;
  }[];
  splitWrites: {
    name: string;
    keyHex: string;
    plaintextLength: number;
    plaintextRule: { mul: number; add: number };
    frames: { plaintextLength: number; nonceHex: string; frameLength: number; frameSha256: string }[];
    wireLength: number;
    wireSha256: string;
  }[];
  reads: { name: string; keyHex: string; streamHex: string; reads: { dataHex: string; error: string | null }[] }[];
}
