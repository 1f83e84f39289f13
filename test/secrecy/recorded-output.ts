// Owns the copies of what tests and the processes that they start write, for whoever runs all tests to search. Without a directory to
// put them into nothing is kept.
import { appendFileSync, writeFileSync } from 'node:fs';
import { glob, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import process from 'node:process';

/** Where the copies go. Set by tools/test.ts. */
export const directoryVariable = 'TEST_OUTPUT_DIRECTORY';

/** The first line of a copy; what was written follows. */
export interface RecordHead {
  /** The test file. */
  readonly test: string;
  /** The command line, without the program: empty for the test's own process. */
  readonly args: readonly string[];
  /** `stdout`, `stderr`, or the name of a log file. */
  readonly stream: string;
}

let count = 0;

/** Takes what is written, piece by piece. */
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

/** Before the directory of a test is gone: the log files in it. */
export async function recordLogFiles(directory: string): Promise<void> {
  if (process.env[directoryVariable] === undefined) return;
  for await (const entry of glob('**/*.log*', { cwd: directory, withFileTypes: true })) {
    if (entry.isFile()) recorder({ stream: entry.name })(await readFile(join(entry.parentPath, entry.name), 'utf8'));
  }
}
