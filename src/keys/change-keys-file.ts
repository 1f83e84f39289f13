// Changes the keys file under its lock: completely or not at all, and never into a file that the
// gateway could not read.
import { stringify } from 'yaml';
import type { KeyConfig } from '../config/load/config.ts';
import { findingLine } from '../config/source/origin.ts';
import { maxFileBytes } from '../config/source/yaml.ts';
import { administeredUser, placeFault, type TrustedUser } from '../kernel/files/private-file.ts';
import { KeysFileError } from './keys-file-error.ts';
import { withFileLock } from './file-lock.ts';
import { parseKeys, readKeysFile } from './read-keys-file.ts';
import type { PreviousKey, StoredKey } from './stored-key.ts';
import { replaceFile } from './write-file.ts';

const head = `# API keys of Portal Gateway, managed by "portal-gateway keys", which removes other comments. A running gateway picks up changes automatically.\n`;

/**
 * `change` gets the current keys (none when there is no file yet) and returns the new ones; it
 * throws KeysFileError to leave the file unchanged. Throws KeysFileError.
 */
export async function changeKeysFile(
  file: string,
  others: readonly KeyConfig[],
  change: (keys: readonly StoredKey[]) => readonly StoredKey[],
): Promise<void> {
  try {
    const user = await checkKeysPlace(file);
    await withFileLock(file, async (lock) => {
      const { keys, faults, missing } = await readKeysFile(file, [], user);
      const [fault] = faults;
      if (fault !== undefined && !missing) throw new KeysFileError(findingLine(fault));
      const text = keysText(change(keys));
      if (Buffer.byteLength(text) > maxFileBytes)
        throw new KeysFileError(`${file} would have more than ${maxFileBytes} bytes: revoke unused keys`);
      const [wrong] = parseKeys(text, file, others).faults;
      if (wrong !== undefined) throw new KeysFileError(`${file} is unchanged: ${wrong.message}`);
      await lock.confirm();
      await replaceFile(file, text);
    });
  } catch (error) {
    if (error instanceof KeysFileError || !(error instanceof Error) || !('code' in error)) throw error;
    throw new KeysFileError(`${file} cannot be changed (${String(error.code)}): ${remedy(error.code)}`, {
      cause: error,
    });
  }
}

/** Throws KeysFileError for a place where other users could replace the file. */
export async function checkKeysPlace(file: string): Promise<TrustedUser | undefined> {
  const user = await administeredUser(file);
  const fault = await placeFault(file, user);
  if (fault !== undefined) throw new KeysFileError(`the keys file ${file} is refused: ${fault}`);
  return user;
}

function remedy(code: unknown): string {
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return 'its directory does not exist; create it first';
    case 'EACCES':
    case 'EPERM':
      return 'this user may not write to its directory';
    case 'EROFS':
      return 'the file system is read-only';
    default:
      return 'check its directory';
  }
}

/** Default values are left out. */
function keysText(keys: readonly StoredKey[]): string {
  return head + stringify({ version: 1, keys: keys.map(entryOf) }, { lineWidth: 0 });
}

function entryOf(key: StoredKey): object {
  const { description, scopes, notBefore, expiresAt, allowedCidrs, createdAt, previous } = key;
  return {
    id: key.id,
    ...secretEntry(key),
    ...(description !== '' && { description }),
    scopes,
    ...(notBefore !== '' && { not_before: notBefore }),
    ...(expiresAt !== '' && { expires_at: expiresAt }),
    ...(allowedCidrs.length > 0 && { allowed_cidrs: allowedCidrs }),
    ...(createdAt !== '' && { created_at: createdAt }),
    ...(previous.length > 0 && {
      previous: previous.map((old) => ({ ...secretEntry(old), expires_at: old.expiresAt })),
    }),
  };
}

function secretEntry({ keyHash, keyPrefix }: Pick<PreviousKey, 'keyHash' | 'keyPrefix'>): object {
  return { key_hash: keyHash, ...(keyPrefix !== '' && { key_prefix: keyPrefix }) };
}
