// Runs the command line in a pseudo terminal, as a person sees it. Needs python3, because Node
// cannot create pseudo terminals.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import process from 'node:process';
import type { TestContext } from 'node:test';
import { recorder } from '../secrecy/recorded-output.ts';
import { childEnvironment } from './child-environment.ts';
import { needs } from './needs.ts';

const python = needs('python3');
/** For the options of a test. */
export const noTerminal: string | false = python.skip;

const main = join(import.meta.dirname, '../../src/main.ts');
const inTerminal = join(import.meta.dirname, 'peers/in-terminal.py');
const patienceMs = 60_000;

export interface TerminalProcess {
  /** Everything that the terminal has shown; lines end in \r\n. */
  readonly shown: () => string;
  /** Resolves with the match once the terminal shows it. */
  until(pattern: RegExp): Promise<RegExpExecArray>;
  /** `stop` and `go`: whether anybody reads the terminal. `interrupt`: Ctrl-C. */
  act(action: 'stop' | 'go' | 'interrupt'): void;
  /** The exit code. */
  readonly exited: Promise<number | null>;
}

/** Kills the command after the test if it still runs. */
export function startInTerminal(
  t: TestContext,
  args: readonly string[],
  environment: Record<string, string>,
): TerminalProcess {
  const child = spawn(python.path, [inTerminal, process.execPath, main, ...args], {
    env: childEnvironment({ HOME: '/nonexistent', TERM: 'xterm', NO_COLOR: '1', ...environment }),
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  // The end of the terminal sends SIGHUP to the command.
  t.after(() => child.kill('SIGKILL'));
  let shown = '';
  const record = recorder({ args, stream: 'stdout' });
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    shown += text;
    record(text);
  });
  const ended = new AbortController();
  const exited = once(child, 'close').then(([code]) => {
    ended.abort();
    return code as number | null;
  });
  return {
    shown: () => shown,
    until: async (pattern) => {
      const signal = AbortSignal.any([AbortSignal.timeout(patienceMs), ended.signal]);
      for (;;) {
        const match = pattern.exec(shown);
        if (match !== null) return match;
        await once(child.stdout, 'data', { signal }).catch(() => {
          throw new Error(`no ${String(pattern)} on the terminal\n${shown}`);
        });
      }
    },
    act: (action) => {
      child.stdin.write(`${action}\n`);
    },
    exited,
  };
}
