// Computes bcrypt in WebAssembly (hash-wasm): one build for all platforms, whose checksum is in
// package-lock.json. Blocks the thread that it runs on.
import { randomBytes } from 'node:crypto';
import { bcrypt, bcryptVerify } from 'hash-wasm';
import { bcryptCost } from './bcrypt-hash.ts';

const saltBytes = 16;

/** Hashes a new key. Rejects when the key is empty or has more than 72 bytes. */
export async function bcryptHash(key: string, cost: number): Promise<string> {
  const hash = await bcrypt({ password: key, salt: randomBytes(saltBytes), costFactor: cost, outputType: 'encoded' });
  // The two versions differ only in how they treat keys of more than 255 bytes.
  return hash.replace(/^\$2a\$/, '$2b$');
}

/** Also false for an invalid hash, an empty key and a key of more than 72 bytes. */
export async function bcryptCompare(key: string, hash: string): Promise<boolean> {
  if (bcryptCost(hash) === undefined) return false;
  try {
    return await bcryptVerify({ password: key, hash });
  } catch {
    return false;
  }
}
