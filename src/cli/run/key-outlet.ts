// Owns where a new key goes, which is shown once: to the terminal that somebody looks at, or to a file that nobody else can read. Never
// to where it could end in a log without having been asked for.
import { open, unlink } from 'node:fs/promises';
import { CliFault, usageFault } from '../fault.ts';
import type { Terminal } from '../terminal.ts';

/** Shows the key and makes it work by `change`, both or neither. */
export type KeyOutlet = (key: string, change: () => Promise<void>) => Promise<void>;

/** `out`: a new file, or `-` for stdout, whatever it is. Throws CliFault. */
export function keyOutlet(out: string | undefined, terminal: Terminal): KeyOutlet {
  if (out === undefined && !terminal.isWatched) {
    throw usageFault(
      'stdout is no terminal, and the key would be wherever it leads: give --out FILE, or --out - if that is meant',
    );
  }
  if (out === undefined || out === '-') {
    return async (key, change) => {
      // What is shown can't be taken back.
      await change();
      terminal.result(key);
    };
  }
  return async (key, change) => {
    await writeNewFile(out, `${key}\n`);
    try {
      await change();
    } catch (error) {
      await unlink(out).catch(() => undefined);
      throw error;
    }
  };
}

async function writeNewFile(path: string, text: string): Promise<void> {
  try {
    const file = await open(path, 'wx', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    const why = code === 'EEXIST' ? 'it exists; name a new file' : `${code}; name another file`;
    throw new CliFault(`the key can't be written to ${path}: ${why}`);
  }
}
