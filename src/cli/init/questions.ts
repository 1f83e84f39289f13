// Asks questions on a terminal, one line each. Prompts go to stderr, so that stdout has only
// results.
import process from 'node:process';
import { createInterface } from 'node:readline/promises';
import { printable } from '../../kernel/printable.ts';
import { CliFault } from '../fault.ts';

export interface Question {
  readonly text: string;
  /** The value of an empty line. */
  readonly initial: string;
  /** Why a value is not accepted. */
  readonly fault: (value: string) => string | undefined;
}

/** Repeats the question until the value is accepted. */
export type Ask = (question: Question) => Promise<string>;

export function canAsk(): boolean {
  return process.stdin.isTTY && process.stderr.isTTY;
}

/** Throws CliFault when the input ends, or `signal` aborts. */
export async function withQuestions<T>(signal: AbortSignal, use: (ask: Ask) => Promise<T>): Promise<T> {
  // The terminal itself edits the line, and Ctrl-C stays a signal.
  const lines = createInterface({ input: process.stdin, output: process.stderr, terminal: false });
  const ended = new AbortController();
  lines.on('close', () => {
    ended.abort();
  });
  const either = AbortSignal.any([signal, ended.signal]);
  try {
    return await use(async ({ text, initial, fault }) => {
      for (;;) {
        const line = await lines.question(`${text} [${printable(initial)}]: `, { signal: either });
        const value = line.trim() === '' ? initial : line.trim();
        const why = fault(value);
        if (why === undefined) return value;
        process.stderr.write(`  ${printable(why)}\n`);
      }
    });
  } catch (error) {
    if (either.aborted) throw new CliFault('nothing was written, because the questions were not finished');
    throw error;
  } finally {
    lines.close();
  }
}
