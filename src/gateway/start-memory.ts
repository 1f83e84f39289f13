// Gives memory that only the start needed back to the system. V8 would keep the garbage of a large
// configuration, ten times the size of what is left of it, for as long as the gateway has little to
// do.
import process from 'node:process';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** A small configuration leaves less, and its garbage is soon used by requests. */
const largeHeapBytes = 64 * 1024 * 1024;

/**
 * Takes 100 ms for 300 MiB, so it must be called before the first request. Does nothing after the
 * load of a small configuration.
 */
export function releaseStartMemory(): void {
  if (process.memoryUsage().heapTotal < largeHeapBytes) return;
  // Node has no function for it. The flag only adds gc() to contexts that are created later.
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (options: { readonly type: string; readonly flavor: string }) => void;
  setFlagsFromString('--no-expose-gc');
  collect({ type: 'major', flavor: 'last-resort' });
}
