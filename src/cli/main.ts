// Sets up the process around a command: streams, signals, exit code and unexpected errors.
import process from 'node:process';
import { exitCodes } from './fault.ts';
import { run, unforeseen } from './program.ts';
import { onShutdown } from './shutdown.ts';
import { terminalOn } from './terminal.ts';

/** Limits how long resources that a command left open can delay the exit. */
const exitGraceMs = 2_000;

export async function main(argv: readonly string[]): Promise<void> {
  // A reader of the output may close the pipe (`| head`): not an error.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
    });
  }
  const terminal = terminalOn(process.stdout, process.stderr);
  // By default Node prints the line of source and all properties of the error, which may include an
  // invalid URL with a password.
  process.on('uncaughtException', (error) => {
    terminal.note(`portal-gateway: ${unforeseen(error)}`);
    process.exit(exitCodes.failed);
  });
  const shutdown = onShutdown();
  process.exitCode = await run(argv, terminal, shutdown);
  shutdown.release();
  setTimeout(() => process.exit(), exitGraceMs).unref();
}
