// Owns running the command line as a process of its own, the way a person does, with nothing of this machine's settings in it.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import process from 'node:process';
import type { TestContext } from 'node:test';
import { recorder } from '../secrecy/recorded-output.ts';

export { tempDirectory as temporaryDirectory } from './temp-directory.ts';

/** Below the time limit of a test: what the process wrote says more than that the test took too long. */
const patienceMs = 100_000;

const main = join(import.meta.dirname, '../../src/main.ts');

export interface CliProcess {
  readonly child: ChildProcess;
  /** What has been written so far. */
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Resolves with the match once stdout has it; rejects when the process ends first, or after 100 s. */
  line(pattern: RegExp): Promise<RegExpExecArray>;
  /** As line(), for stderr. */
  note(pattern: RegExp): Promise<RegExpExecArray>;
  /** The exit code. */
  readonly exited: Promise<number | null>;
}

export interface CliResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Started, and killed after the test if it still runs. `input`: the whole of its stdin. `user`: another one, or its id, for root only. */
export function startCli(
  t: TestContext,
  args: readonly string[],
  environment: Record<string, string>,
  input = '',
  user?: number | { readonly uid: number; readonly gid: number },
): CliProcess {
  const child = spawn(process.execPath, [main, ...args], {
    env: { HOME: '/nonexistent', NO_COLOR: '1', ...environment },
    stdio: ['pipe', 'pipe', 'pipe'],
    ...(typeof user === 'number' ? { uid: user, gid: user } : user),
  });
  // Most commands never read it.
  child.stdin.on('error', () => undefined).end(input);
  t.after(() => child.kill('SIGKILL'));
  const texts = { stdout: '', stderr: '' };
  const exited = once(child, 'close').then(([code]) => code as number | null);
  for (const name of ['stdout', 'stderr'] as const) {
    const record = recorder({ args, stream: name });
    child[name].setEncoding('utf8').on('data', (text: string) => {
      texts[name] += text;
      record(text);
    });
  }
  const wait = (name: 'stdout' | 'stderr', pattern: RegExp): Promise<RegExpExecArray> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const match = pattern.exec(texts[name]);
        if (match === null) return;
        child[name].off('data', look);
        resolve(match);
      };
      child[name].on('data', look);
      const failed = (what: string): void => {
        reject(new Error(`${what}\n${texts.stdout}\n${texts.stderr}`));
      };
      void exited.then((code) => {
        failed(`exited with ${code ?? 'a signal'}`);
      });
      setTimeout(failed, patienceMs, `no ${String(pattern)} on ${name} within ${patienceMs / 1_000} s`).unref();
      look();
    });
  return {
    child,
    stdout: () => texts.stdout,
    stderr: () => texts.stderr,
    line: (pattern) => wait('stdout', pattern),
    note: (pattern) => wait('stderr', pattern),
    exited,
  };
}

/** Run to its end. */
export async function runCli(
  t: TestContext,
  args: readonly string[],
  environment: Record<string, string>,
): Promise<CliResult> {
  const cli = startCli(t, args, environment);
  return { code: await cli.exited, stdout: cli.stdout(), stderr: cli.stderr() };
}
