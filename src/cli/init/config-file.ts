// Writes the configuration of `init`: a new file, or with --force in place of the old one.
import type { Stats } from 'node:fs';
import { type FileHandle, link, lstat, rename, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import process from 'node:process';
import { temporaryName, writeNewFile } from '../../kernel/files/new-file.ts';
import { ignore } from '../../kernel/ignore.ts';
import { printable } from '../../kernel/printable.ts';
import { codeOf } from '../../kernel/reason.ts';
import { directoryFault, placeFaultOf, placeFaultWith } from '../directory-fault.ts';
import { CliFault } from '../fault.ts';

/** Throws CliFault for a file that cannot be written. Changes nothing. */
export async function checkConfigFile(file: string, force: boolean): Promise<void> {
  const found = await lstat(file).catch(ignore);
  if (found !== undefined && !force)
    throw new CliFault(`${printable(file)} exists: name another file, or use --force to replace it`);
  checkReplaced(file, found);
  const fault = await directoryFault(dirname(file));
  if (fault !== undefined) throw unwritable(file, fault);
}

/** Calls `before` once the text is on the disk under another name: both happen, or neither. */
export async function writeConfigFile(
  file: string,
  text: string,
  force: boolean,
  before: () => Promise<void>,
): Promise<void> {
  const temporary = temporaryName(file);
  const replaced = force ? await lstat(file).catch(ignore) : undefined;
  checkReplaced(file, replaced);
  const failed = (error: unknown): never => {
    const isNew = codeOf(error) === 'EEXIST';
    throw unwritable(file, isNew ? 'it exists by now; name another file, or use --force' : placeFaultOf(error));
  };
  try {
    const prepare = (opened: FileHandle): Promise<void> => takeOver(opened, replaced);
    // The file holds no secret.
    await writeNewFile(temporary, text, { durable: true, mode: 0o666, prepare }).catch(failed);
    await before();
    await (force ? rename(temporary, file) : link(temporary, file)).catch(failed);
  } finally {
    await unlink(temporary).catch(ignore);
  }
}

function checkReplaced(file: string, replaced: Stats | undefined): void {
  // Otherwise the owner of the directory could make this user overwrite any file.
  if (replaced?.isSymbolicLink() === true)
    throw new CliFault(`${printable(file)} is a symbolic link; name the file that it leads to`);
  if (replaced?.isDirectory() === true) throw unwritable(file, placeFaultWith('EISDIR'));
}

/**
 * The gateway may run as another user, who must still be able to read the file. On the open file,
 * since its name may be another file's by now.
 */
async function takeOver(file: FileHandle, replaced: Stats | undefined): Promise<void> {
  if (replaced === undefined) return;
  if (process.getuid?.() === 0) await file.chown(replaced.uid, replaced.gid);
  await file.chmod(replaced.mode & 0o777);
}

function unwritable(file: string, why: string): CliFault {
  return new CliFault(`${printable(file)} cannot be written: ${why}`);
}
