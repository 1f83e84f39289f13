// The file that persists the signing keys of assertions and shares them among gateways with the
// same path: read and rotated under its lock, readable by its owner alone. Signs nothing.
import { readlink } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { rotated, signingKeyFromPem, type SigningKey } from '../auth/signing-keys.ts';
import { readConfigFile } from '../config/source/read-file.ts';
import { PrivateFileError } from '../kernel/files/private-file.ts';
import { isUnwritablePlace, makePrivateDirectory } from '../kernel/files/state-place.ts';
import { ignore } from '../kernel/ignore.ts';
import { KeysFileError } from './keys-file-error.ts';
import { withFileLock } from './file-lock.ts';
import { replaceFile } from './write-file.ts';

interface StoredSigningKey {
  readonly from: string;
  readonly private_key: string;
}

/** A key takes about 200 bytes, and three are kept. */
const maxSigningBytes = 64 * 1024;
/** Limit of symbolic links to follow; real setups have fewer. */
const maxLinks = 8;

/**
 * Decides what to do when keys cannot be persisted: returns the keys to go on with, or throws.
 * `reason` names the file and the system's error.
 */
type UnkeptKeys = (reason: string) => readonly SigningKey[];

/**
 * Loads the keys and rotates them when due; the first use creates the file. Throws KeysFileError.
 * `unkept` is called when there is no file and none can be created; without it that is an error,
 * too.
 */
export async function loadSigningKeys(
  path: string,
  nowMs: number,
  unkept?: UnkeptKeys,
): Promise<readonly SigningKey[]> {
  // Gateways that share the file may each have a symbolic link to it: resolve it, also when the
  // file does not exist yet, so that all use one lock beside the file.
  const file = await targetOf(path);
  try {
    await makePrivateDirectory(dirname(file));
    return await withFileLock(file, async (lock) => {
      const before = await read(file);
      const after = rotated(before, nowMs);
      const isSame = after.length === before.length && after.every((key) => before.includes(key));
      if (!isSame) {
        await lock.confirm();
        await replaceFile(file, textOf(after));
      }
      return after;
    });
  } catch (error) {
    if (error instanceof PrivateFileError) throw new KeysFileError(`the assertion keys: ${error.message}`);
    if (error instanceof KeysFileError || !(error instanceof Error) || !('code' in error)) throw error;
    const reason = `cannot store the assertion keys in ${file} (${String(error.code)})`;
    if (unkept !== undefined && (await isUnwritablePlace(file, error))) return rotated(unkept(reason), nowMs);
    throw new KeysFileError(reason, { cause: error });
  }
}

async function targetOf(path: string): Promise<string> {
  let file = path;
  for (let links = 0; links < maxLinks; links += 1) {
    const target = await readlink(file).catch(ignore);
    if (target === undefined) break;
    file = resolve(dirname(file), target);
  }
  return file;
}

async function read(file: string): Promise<readonly SigningKey[]> {
  const reading = await readConfigFile(file, {
    what: `the file ${file} of assertion keys`,
    privacy: 'key',
    maxBytes: maxSigningBytes,
  });
  if (!('text' in reading)) {
    if (reading.missing === true) return [];
    throw new KeysFileError(reading.fault);
  }
  try {
    const { keys } = JSON.parse(reading.text) as { readonly keys: readonly StoredSigningKey[] };
    return keys.map(({ from, private_key }) => {
      const fromMs = Date.parse(from);
      if (Number.isNaN(fromMs)) throw new TypeError('not a time');
      return signingKeyFromPem(private_key, fromMs);
    });
  } catch {
    // No cause: it may quote the file.
    throw new KeysFileError(`${file} does not contain assertion keys: restore it, or remove it to create new ones`);
  }
}

function textOf(keys: readonly SigningKey[]): string {
  const stored = keys.map(({ fromMs, privateKey }): StoredSigningKey => ({
    from: new Date(fromMs).toISOString(),
    private_key: privateKey.export({ format: 'pem', type: 'pkcs8' }),
  }));
  return `${JSON.stringify({ keys: stored }, undefined, 1)}\n`;
}
