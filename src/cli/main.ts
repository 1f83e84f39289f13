// Owns the process around a command: its streams, its signals and how it ends, also when nobody foresaw it. Knows no command.
import process from 'node:process';
import { exitCodes } from './fault.ts';
import { run, unforeseen } from './program.ts';
import { onShutdown } from './shutdown.ts';
import { terminalOn } from './terminal.ts';

/** What a command leaves open by mistake may not keep the process longer than this. */
const exitGraceMs = 2_000;

export async function main(argv: readonly string[]): Promise<void> {
  // Whoever reads the output may stop reading (`| head`): that is no failure of ours.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
    });
  }
  const terminal = terminalOn(process.stdout, process.stderr);
  // Node would show the line of source and all that the error holds, and an invalid URL is one of the things that errors hold.
  process.on('uncaughtException', (error) => {
    terminal.note(`portal-gateway: ${unforeseen(error)}`);
    process.exit(exitCodes.failed);
  });
  const shutdown = onShutdown();
  process.exitCode = await run(argv, terminal, shutdown);
  shutdown.release();
  setTimeout(() => process.exit(), exitGraceMs).unref();
}
