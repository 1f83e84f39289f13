// Closes the debugger port that a SIGUSR1 during Node's own start opened, before src/main.ts could
// listen to the signal. A port that a flag of Node asks for stays open.
import inspector from 'node:inspector';
import process from 'node:process';
import { nodeOptions } from '../config/source/node-options.ts';

/** Node opens the port from a thread of its own, which may run late on a busy machine. */
const lateMs = [0, 100, 1_000];

export function keepDebuggerPortClosed(): void {
  if (isAskedFor()) return;
  close();
  for (const ms of lateMs) setTimeout(close, ms).unref();
}

function close(): void {
  if (inspector.url() !== undefined) inspector.close();
}

function isAskedFor(): boolean {
  return [...process.execArgv, nodeOptions()].some((flags) => flags.includes('--inspect'));
}
