// Creates, rotates and revokes keys in a list. Pure: hashing and writing the file happen elsewhere.
import { didYouMean } from '../config/schema/names.ts';
import { KeysFileError } from './keys-file-error.ts';
import type { PreviousKey, StoredKey } from './stored-key.ts';

/**
 * Previous keys without a prefix are compared with every unknown key, so their number is limited.
 */
const maxPrevious = 4;

export interface Secret {
  readonly keyHash: string;
  readonly keyPrefix: string;
}

export function withCreated(keys: readonly StoredKey[], key: StoredKey): StoredKey[] {
  if (keys.some(({ id }) => id === key.id))
    throw new KeysFileError(`the key "${key.id}" already exists: "keys rotate" replaces it, "keys revoke" removes it`);
  return [...keys, key];
}

/** Removes the key and its previous keys: all of them are rejected from now on. */
export function withoutRevoked(keys: readonly StoredKey[], id: string): StoredKey[] {
  wanted(keys, id);
  return keys.filter((key) => key.id !== id);
}

/**
 * Keeps what the key allows; `expiresAt` may change. The old key works until the grace period ends.
 */
export function withRotated(
  keys: readonly StoredKey[],
  id: string,
  rotation: { readonly secret: Secret; readonly nowMs: number; readonly graceMs: number; readonly expiresAt?: string },
): StoredKey[] {
  const { secret, nowMs, graceMs } = rotation;
  const old = wanted(keys, id);
  const expiresAt = rotation.expiresAt ?? old.expiresAt;
  if (expiresAt !== '' && Date.parse(expiresAt) <= nowMs)
    throw new KeysFileError(`the key "${id}" expired at ${expiresAt}: set a new time with --expires`);
  // The grace period never extends the life of the old key, even where the new one lives longer.
  const oldEndsMs = Math.min(nowMs + graceMs, old.expiresAt === '' ? Infinity : Date.parse(old.expiresAt));
  const replaced: PreviousKey[] =
    oldEndsMs > nowMs
      ? [{ keyHash: old.keyHash, keyPrefix: old.keyPrefix, expiresAt: new Date(oldEndsMs).toISOString() }]
      : [];
  // A grace of zero means that the earlier keys may be known to others: all of them stop working.
  const previous = graceMs > 0 ? [...replaced, ...old.previous.filter((key) => Date.parse(key.expiresAt) > nowMs)] : [];
  if (previous.length > maxPrevious)
    throw new KeysFileError(
      `${maxPrevious} earlier keys of "${id}" still work: wait until one expires, or rotate with --grace 0s`,
    );
  const rotated: StoredKey = { ...old, ...secret, expiresAt, createdAt: new Date(nowMs).toISOString(), previous };
  return keys.map((key) => (key === old ? rotated : key));
}

function wanted(keys: readonly StoredKey[], id: string): StoredKey {
  const found = keys.find((key) => key.id === id);
  if (found === undefined) {
    const meant = didYouMean(
      id,
      keys.map((key) => key.id),
    );
    const next = meant === undefined ? '"keys list" shows all keys' : `did you mean "${meant}"?`;
    throw new KeysFileError(`there is no key "${id}" in the keys file; ${next}`);
  }
  return found;
}

export type KeyState = 'active' | 'not valid yet' | 'expired';

export function stateOf({ notBefore, expiresAt }: StoredKey, nowMs: number): KeyState {
  if (expiresAt !== '' && Date.parse(expiresAt) <= nowMs) return 'expired';
  return notBefore !== '' && Date.parse(notBefore) > nowMs ? 'not valid yet' : 'active';
}
