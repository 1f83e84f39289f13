// Owns the process around a command: its streams, its signals and how it ends. Knows no command.
import process from 'node:process';
import { run } from './program.ts';
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
  const shutdown = onShutdown();
  process.exitCode = await run(argv, terminalOn(process.stdout, process.stderr), shutdown.signal);
  shutdown.release();
  setTimeout(() => process.exit(), exitGraceMs).unref();
}
