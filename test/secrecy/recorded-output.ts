// Stores copies of the output of tests and of the processes that they start, for the test runner to
// search. Stores nothing unless the directory variable is set.
import { appendFileSync, writeFileSync } from 'node:fs';
import { glob, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import process from 'node:process';

/** The directory of the copies. Set by tools/test.ts. */
export const directoryVariable = 'TEST_OUTPUT_DIRECTORY';

/** The first line of a copy; the output follows. */
export interface RecordHead {
  /** The test file. */
  readonly test: string;
  /** The command line without the program; empty for the test's own process. */
  readonly args: readonly string[];
  /** `stdout`, `stderr`, or the name of a log file. */
  readonly stream: string;
}

let count = 0;

/** Returns a function that records output, piece by piece. */
export function recorder(
  head: Partial<RecordHead>,
  directory: string | undefined = process.env[directoryVariable],
): (text: string) => void {
  if (directory === undefined) return () => undefined;
  count += 1;
  const file = join(directory, `${process.pid}-${count}`);
  const test = relative(process.cwd(), process.argv[1] ?? '');
  writeFileSync(file, `${JSON.stringify({ test, args: [], stream: 'stdout', ...head } satisfies RecordHead)}\n`);
  return (text) => {
    appendFileSync(file, text);
  };
}

/** Records the log files in a test's directory. Call it before the directory is removed. */
export async function recordLogFiles(directory: string): Promise<void> {
  if (process.env[directoryVariable] === undefined) return;
  for await (const entry of glob('**/*.log*', { cwd: directory, withFileTypes: true })) {
    if (entry.isFile()) recorder({ stream: entry.name })(await readFile(join(entry.parentPath, entry.name), 'utf8'));
  }
}
