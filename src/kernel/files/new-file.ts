// Creates files that must not exist yet, by default readable for this user only.
import { randomBytes } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';

const ownerOnly = 0o600;

export interface NewFileOptions {
  /** Waits until the content is on the disk. */
  readonly durable: boolean;
  /** Within the umask. Default: only the owner may read and write it. */
  readonly mode?: number;
  /** Changes mode or owner once the content is written. */
  readonly prepare?: (file: FileHandle) => Promise<void>;
}

/** Rejects with the system's error, EEXIST if there is a file. */
export async function writeNewFile(
  path: string,
  text: string,
  { durable, mode = ownerOnly, prepare }: NewFileOptions,
): Promise<void> {
  const file = await open(path, 'wx', mode);
  try {
    await file.writeFile(text);
    await prepare?.(file);
    if (durable) await file.sync();
  } finally {
    await file.close();
  }
}

/** A name in the same directory, for a file that is renamed or linked to `path` once complete. */
export function temporaryName(path: string): string {
  return `${path}.${randomBytes(6).toString('hex')}.tmp`;
}
