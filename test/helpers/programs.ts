// Runs a third-party client to its end, without this machine's settings.
import { execFile } from 'node:child_process';
import process from 'node:process';

export interface Run {
  /** Exit code; 0: success. */
  readonly code: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

const maxRunMs = 30_000;

/** `input`: its standard input. */
export function runProgram(path: string, args: readonly string[], input: string | Buffer = ''): Promise<Run> {
  // Proxies and other settings would come from the environment.
  const env = { PATH: process.env['PATH'] ?? '', HOME: '/nonexistent', LC_ALL: 'C.UTF-8' };
  return new Promise((resolve) => {
    const child = execFile(
      path,
      args,
      { env, encoding: 'buffer', timeout: maxRunMs, maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
        resolve({ code, stdout, stderr: stderr.toString() });
      },
    );
    // A rejected client may stop reading its input.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
  });
}
