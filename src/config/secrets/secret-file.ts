// Owns reading a secret from a file: bounded, regular files only, with the line ending that editors leave at the end taken off.
// Symbolic links are followed: that is how secrets are mounted. What it says of a file completes "<setting> …".
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import process from 'node:process';
import { refusalOf } from '../../kernel/private-file.ts';
import { SecretError } from './reference.ts';

const maxSecretBytes = 64 * 1024;
/** A bundle of all the world's certificate authorities has 250 KiB. */
const maxPublicBytes = 1024 * 1024;

/**
 * private: a private key, refused where other users may read it. other: may be readable, as what container platforms mount is, but refused
 * where other users may change or replace it. public: no secret at all.
 */
export type Privacy = 'private' | 'other' | 'public';

/** Throws SecretError. `exposed` is called for a secret that every user of this machine may read. */
export async function readSecretFile(path: string, privacy: Privacy, exposed?: () => void): Promise<string> {
  const maxBytes = privacy === 'public' ? maxPublicBytes : maxSecretBytes;
  // Non-blocking: a pipe without a writer would keep us for ever. All checks are of the file that was opened.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((error: unknown) => {
    throw new SecretError(`names the file ${JSON.stringify(path)}, which ${openWords(error)}`);
  });
  try {
    const stat = await file.stat();
    const shown = JSON.stringify(path);
    if (!stat.isFile()) throw new SecretError(`names ${shown}, which is no regular file`);
    if (privacy !== 'public') {
      const fault = await refusalOf(path, stat, privacy === 'private' ? 'key' : 'mounted');
      if (fault !== undefined) throw new SecretError(`is in ${shown}, but ${fault}`);
    }
    if (privacy === 'other' && (stat.mode & 0o004) !== 0 && process.platform !== 'win32') exposed?.();
    const buffer = Buffer.alloc(maxBytes + 1);
    let bytes = 0;
    for (;;) {
      const { bytesRead } = await file.read(buffer, bytes, buffer.length - bytes, bytes);
      if (bytesRead === 0) break;
      bytes += bytesRead;
    }
    if (bytes > maxBytes) throw new SecretError(`is in ${shown}, which has more than ${maxBytes} bytes`);
    const text = buffer.toString('utf8', 0, bytes).replace(/\r?\n$/, '');
    buffer.fill(0);
    if (text === '') throw new SecretError(`is in ${shown}, which is empty`);
    return text;
  } catch (error) {
    if (error instanceof SecretError) throw error;
    throw new SecretError(`is in ${JSON.stringify(path)}, which could not be read`);
  } finally {
    await file.close();
  }
}

export function openWords(error: unknown): string {
  const { code = 'unknown error' } = error as NodeJS.ErrnoException;
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return 'does not exist';
    case 'EACCES':
    case 'EPERM':
      return 'this user may not read';
    case 'ELOOP':
      return 'is a symbolic link that leads in a circle';
    default:
      return `could not be opened (${code})`;
  }
}
