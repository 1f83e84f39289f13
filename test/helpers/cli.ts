// Runs the command line as a separate process, as a user would, without inheriting this machine's
// settings.
import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import process from 'node:process';
import type { TestContext } from 'node:test';
import { recorder } from '../secrecy/recorded-output.ts';
import { childEnvironment } from './child-environment.ts';

export { tempDirectory as temporaryDirectory } from './temp-directory.ts';

/**
 * Below the time limit of a test, so that a failure reports the process's output and not a test
 * timeout.
 */
const patienceMs = 100_000;

const main = join(import.meta.dirname, '../../src/main.ts');

export interface CliProcess {
  readonly child: ChildProcess;
  /** The output so far. */
  readonly stdout: () => string;
  readonly stderr: () => string;
  /**
   * Resolves with the match once stdout has it; rejects when the process ends first, or after 100
   * s.
   */
  line(pattern: RegExp): Promise<RegExpExecArray>;
  /** Like line(), for stderr. */
  note(pattern: RegExp): Promise<RegExpExecArray>;
  /** The exit code. */
  readonly exited: Promise<number | null>;
}

export interface CliResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Starts the command and kills it after the test if it still runs. `input`: its whole stdin.
 * `place`: the working directory, and the user to run as, which needs root.
 */
export function startCli(
  t: TestContext,
  args: readonly string[],
  environment: Record<string, string>,
  input = '',
  place?: number | Pick<SpawnOptions, 'uid' | 'gid' | 'cwd'>,
): CliProcess {
  const child = spawn(process.execPath, [main, ...args], {
    env: childEnvironment({ HOME: '/nonexistent', NO_COLOR: '1', ...environment }),
    stdio: ['pipe', 'pipe', 'pipe'],
    ...(typeof place === 'number' ? { uid: place, gid: place } : place),
  });
  // Most commands never read stdin.
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

/** Runs the command to its end. */
export async function runCli(
  t: TestContext,
  args: readonly string[],
  environment: Record<string, string>,
): Promise<CliResult> {
  const cli = startCli(t, args, environment);
  return { code: await cli.exited, stdout: cli.stdout(), stderr: cli.stderr() };
}
