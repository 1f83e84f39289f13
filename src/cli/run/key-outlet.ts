// Chooses where a new key is shown, once: on the terminal, or in a file that only its owner can
// read. Never writes it to a pipe or log unless that was requested.
import { unlink } from 'node:fs/promises';
import { writeNewFile } from '../../kernel/files/new-file.ts';
import { codeOf } from '../../kernel/reason.ts';
import { ignore } from '../../kernel/ignore.ts';
import { CliFault, usageFault } from '../fault.ts';
import type { Terminal } from '../terminal.ts';

/** Shows the key and calls `change` to make it valid: both happen, or neither. */
export type KeyOutlet = (key: string, change: () => Promise<void>) => Promise<void>;

/** `out`: a new file, or `-` for stdout of any kind, given by `option`. Throws CliFault. */
export function keyOutlet(out: string | undefined, terminal: Terminal, option = '--out'): KeyOutlet {
  if (out === undefined && !terminal.isWatched) {
    throw usageFault(
      `stdout is not a terminal, so the key could end up in a file or a log: use ${option} FILE, or ${option} - to print it anyway`,
    );
  }
  if (out === undefined || out === '-') {
    return async (key, change) => {
      // Output cannot be undone, so the change comes first.
      await change();
      terminal.result(key);
    };
  }
  return async (key, change) => {
    await writeKey(out, `${key}\n`);
    try {
      await change();
    } catch (error) {
      await unlink(out).catch(ignore);
      throw error;
    }
  };
}

async function writeKey(path: string, text: string): Promise<void> {
  try {
    await writeNewFile(path, text, { durable: true });
  } catch (error) {
    const code = codeOf(error) ?? 'unknown error';
    const why = code === 'EEXIST' ? 'the file exists; name a new one' : `${code}; name another file`;
    throw new CliFault(`the key cannot be written to ${path}: ${why}`);
  }
}
