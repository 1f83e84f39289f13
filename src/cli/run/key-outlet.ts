// Chooses where a new key is shown, once: on the terminal, in the result, or in a file that only
// its owner can read. Never writes it to a pipe or log unless that was requested.
import { lstat, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { directoryFault } from '../directory-fault.ts';
import { writeNewFile } from '../../kernel/files/new-file.ts';
import { codeOf } from '../../kernel/reason.ts';
import { ignore } from '../../kernel/ignore.ts';
import { printable } from '../../kernel/printable.ts';
import { CliFault, usageFault } from '../fault.ts';
import type { Terminal } from '../terminal.ts';

/**
 * Shows the key and calls `change` to make it valid: both happen, or neither. Resolves with the key
 * if the JSON result has to show it.
 */
export type KeyOutlet = (key: string, change: () => Promise<void>) => Promise<string | undefined>;

export interface KeyOutletOptions {
  /** A new file, or `-` for stdout of any kind. */
  readonly out?: string | undefined;
  /** The result is JSON. */
  readonly json?: boolean | undefined;
  /** The option that has `out`. */
  readonly option?: string;
}

/** Throws CliFault for a place that cannot take a key, before anything is changed. */
export async function keyOutlet(
  { out, json = false, option = '--out' }: KeyOutletOptions,
  terminal: Terminal,
): Promise<KeyOutlet> {
  if (out === undefined && !terminal.isWatched) {
    throw usageFault(
      `stdout is not a terminal, so the key could end up in a file or a log: use ${option} FILE, or ${option} - to print it anyway`,
    );
  }
  if (!isKeyFile(out)) {
    return async (key, change) => {
      // Output cannot be undone, so the change comes first.
      await change();
      if (json) return key;
      terminal.result(key);
      return undefined;
    };
  }
  if ((await lstat(out).catch(ignore)) !== undefined) throw unwritable(out, exists);
  const fault = await directoryFault(dirname(out));
  if (fault !== undefined) throw unwritable(out, fault);
  return async (key, change) => {
    await writeKey(out, `${key}\n`);
    try {
      await change();
    } catch (error) {
      await unlink(out).catch(ignore);
      throw error;
    }
    return undefined;
  };
}

export function isKeyFile(out: string | undefined): out is string {
  return out !== undefined && out !== '-';
}

const exists = 'the file exists; name a new one';

async function writeKey(path: string, text: string): Promise<void> {
  try {
    await writeNewFile(path, text, { durable: true });
  } catch (error) {
    const code = codeOf(error) ?? 'unknown error';
    throw unwritable(path, code === 'EEXIST' ? exists : `${code}; name another file`);
  }
}

function unwritable(path: string, why: string): CliFault {
  return new CliFault(`the key cannot be written to ${printable(path)}: ${why}`);
}
