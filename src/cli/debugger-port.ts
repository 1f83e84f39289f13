// Closes the debugger port that a SIGUSR1 during Node's own start opened, before src/main.ts could listen to it. A port that was asked
// for by a flag of Node stays.
import inspector from 'node:inspector';
import process from 'node:process';

/** Node opens the port from a thread of its own, which may come late on a busy machine. */
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
  return [...process.execArgv, process.env['NODE_OPTIONS'] ?? ''].some((flags) => flags.includes('--inspect'));
}
