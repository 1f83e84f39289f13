// Reads the configuration file and other text files of the gateway: regular files, bounded in size,
// UTF-8. Does not parse them.
import { openToRead, readUpTo } from '../../kernel/files/open-file.ts';
import { type PrivateKind, refusalOf, type TrustedUser } from '../../kernel/files/private-file.ts';
import { openWords } from './secrets/secret-file.ts';
import { maxFileBytes } from './yaml.ts';

export type FileReading =
  | { readonly text: string }
  /** `missing`: the file does not exist. */
  | { readonly fault: string; readonly missing?: true };

interface FileKind {
  /** The name of the file in messages. */
  readonly what: string;
  /** What to do about a file that does not exist. */
  readonly toCreate?: string;
  /** Rejects a file that other users can use or replace. */
  readonly privacy?: PrivateKind;
  /** The user that may own the file, besides root. Default: the user of this process. */
  readonly user?: TrustedUser | undefined;
  readonly maxBytes?: number;
}

const configurationFile: FileKind = { what: 'the configuration file' };

export async function readConfigFile(path: string, kind: FileKind = configurationFile): Promise<FileReading> {
  const { what, toCreate, privacy, user, maxBytes = maxFileBytes } = kind;
  let file;
  try {
    file = await openToRead(path);
  } catch (error) {
    const fault = `${what} ${openWords(error, toCreate)}`;
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? { fault, missing: true } : { fault };
  }
  try {
    const stat = await file.stat();
    if (stat.isDirectory()) return { fault: `${what} is a directory: name a file in it` };
    if (!stat.isFile()) return { fault: `${what} is not a regular file` };
    const fault = privacy === undefined ? undefined : await refusalOf(path, stat, privacy, user);
    if (fault !== undefined) return { fault: `${what} is refused: ${fault}` };
    const bytes = await readUpTo(file, Math.min(stat.size, maxBytes) + 1);
    // An empty file is probably still being written. Since defaults need no file, a reload could
    // otherwise apply them by accident.
    if (bytes.length === 0) return { fault: `${what} is empty` };
    if (bytes.length > maxBytes) return { fault: `${what} has more than ${maxBytes} bytes` };
    // The file is still being written; the next attempt reads all of it.
    if (bytes.length !== stat.size) return { fault: `${what} changed while it was read` };
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch (error) {
    if (error instanceof TypeError) return { fault: `${what} is not UTF-8 text` };
    return { fault: `${what} could not be read` };
  } finally {
    await file.close();
  }
}
