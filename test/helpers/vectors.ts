// Reads the recorded protocol vectors (test/vectors/README.md).
import { readFileSync } from 'node:fs';

/** The caller declares the type of the contents. */
export function readVectors(name: 'identity' | 'packets' | 'handshake' | 'frames' | 'yamux'): unknown {
  return JSON.parse(readFileSync(new URL(`../vectors/${name}.json`, import.meta.url), 'utf8'));
}

export function hex(text: string): Buffer {
  return Buffer.from(text, 'hex');
}

/** A payload that is given by a rule: byte i is ((start + i) * mul + add) & 255. */
export function ruledBytes(length: number, rule: { mul: number; add: number; start?: number }): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  const start = rule.start ?? 0;
  for (let i = 0; i < length; i += 1) bytes[i] = ((start + i) * rule.mul + rule.add) & 255;
  return bytes;
}
