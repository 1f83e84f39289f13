// Owns reading the configuration file, and files like it: bounded, regular, UTF-8. Knows nothing of YAML.
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { type PrivateKind, refusalOf, type TrustedUser } from '../kernel/private-file.ts';
import { openWords } from './secrets/secret-file.ts';
import { maxFileBytes } from './yaml.ts';

export type FileReading =
  | { readonly text: string }
  /** `missing`: there is no such file. */
  | { readonly fault: string; readonly missing?: true };

interface FileKind {
  /** What it is called. */
  readonly what: string;
  /** It is refused where other users may use or replace it. */
  readonly privacy?: PrivateKind;
  /** Whose file it may be, besides root's. Default: this process's. */
  readonly user?: TrustedUser | undefined;
  readonly maxBytes?: number;
}

const configurationFile: FileKind = { what: 'the configuration file' };

export async function readConfigFile(path: string, kind: FileKind = configurationFile): Promise<FileReading> {
  const { what, privacy, user, maxBytes = maxFileBytes } = kind;
  // Non-blocking: a pipe without a writer would keep us for ever. All checks are of the file that was opened.
  let file;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const fault = `${what} ${openWords(error)}`;
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? { fault, missing: true } : { fault };
  }
  try {
    const stat = await file.stat();
    if (stat.isDirectory()) return { fault: `${what} is a directory: name a file in it` };
    if (!stat.isFile()) return { fault: `${what} is not a regular file` };
    const fault = privacy === undefined ? undefined : await refusalOf(path, stat, privacy, user);
    if (fault !== undefined) return { fault: `${what} is refused: ${fault}` };
    const buffer = Buffer.alloc(Math.min(stat.size, maxBytes) + 1);
    let bytes = 0;
    for (;;) {
      const { bytesRead } = await file.read(buffer, bytes, buffer.length - bytes, bytes);
      if (bytesRead === 0) break;
      bytes += bytesRead;
    }
    // Being written, most likely. Who wants the defaults needs no file, and who reloads must not get them by accident.
    if (bytes === 0) return { fault: `${what} is empty` };
    if (bytes > maxBytes) return { fault: `${what} has more than ${maxBytes} bytes` };
    // It is being written: the next look finds it whole.
    if (bytes !== stat.size) return { fault: `${what} changed while it was read` };
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(buffer.subarray(0, bytes)) };
  } catch (error) {
    if (error instanceof TypeError) return { fault: `${what} is not UTF-8 text` };
    return { fault: `${what} could not be read` };
  } finally {
    await file.close();
  }
}
