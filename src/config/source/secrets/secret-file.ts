// Reads a secret from a file: regular files only, bounded in size, without the line ending that
// editors add. Follows symbolic links, because container platforms mount secrets that way. Error
// messages complete "<setting> …".
import process from 'node:process';
import { openToRead, readUpTo } from '../../../kernel/files/open-file.ts';
import { refusalOf } from '../../../kernel/files/private-file.ts';
import { SecretError } from './secret-error.ts';

const maxSecretBytes = 64 * 1024;
/** A bundle of all public certificate authorities has about 250 KiB. */
const maxPublicBytes = 1024 * 1024;

/**
 * private: a private key; rejected if other users can read it. other: may be readable by other
 * users, as secrets that container platforms mount are; rejected if they can change or replace it.
 * public: not a secret.
 */
export type Privacy = 'private' | 'other' | 'public';

/** Throws SecretError. Calls `exposed` for a secret that every user of this machine can read. */
export async function readSecretFile(path: string, privacy: Privacy, exposed?: () => void): Promise<string> {
  const maxBytes = privacy === 'public' ? maxPublicBytes : maxSecretBytes;
  const file = await openToRead(path).catch((error: unknown) => {
    throw new SecretError(`names the file ${JSON.stringify(path)}, which ${openWords(error)}`);
  });
  try {
    const stat = await file.stat();
    const shown = JSON.stringify(path);
    if (!stat.isFile()) throw new SecretError(`names ${shown}, which is not a regular file`);
    if (privacy !== 'public') {
      const fault = await refusalOf(path, stat, privacy === 'private' ? 'key' : 'mounted');
      if (fault !== undefined) throw new SecretError(`is in ${shown}, but ${fault}`);
    }
    if (privacy === 'other' && (stat.mode & 0o004) !== 0 && process.platform !== 'win32') exposed?.();
    const bytes = await readUpTo(file, maxBytes + 1);
    if (bytes.length > maxBytes) throw new SecretError(`is in ${shown}, which has more than ${maxBytes} bytes`);
    const text = bytes.toString('utf8').replace(/\r?\n$/, '');
    bytes.fill(0);
    if (text === '') throw new SecretError(`is in ${shown}, which is empty`);
    return text;
  } catch (error) {
    if (error instanceof SecretError) throw error;
    throw new SecretError(`is in ${JSON.stringify(path)}, which could not be read`);
  } finally {
    await file.close();
  }
}

/** `toCreate`: what to do about a file that does not exist. */
export function openWords(error: unknown, toCreate = 'create it, or correct the path'): string {
  const { code = 'unknown error' } = error as NodeJS.ErrnoException;
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return `does not exist: ${toCreate}`;
    case 'EACCES':
    case 'EPERM':
      return 'cannot be read by this user: change its owner or mode, or run as its owner';
    case 'ELOOP':
      return 'is a circular symbolic link';
    default:
      return `could not be opened (${code})`;
  }
}
