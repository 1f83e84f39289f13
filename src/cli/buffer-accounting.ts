// Sets the one V8 garbage collector flag that the commands need. Programs that use the package as a
// library keep V8's default.
import process from 'node:process';
import { setFlagsFromString } from 'node:v8';

/**
 * V8 before 14.8 counts every byte put into a buffer since the last full collection, alive or dead,
 * towards the limit that starts the next one. A gateway passes all data through buffers: with a
 * heap of 20 MB that starts a full collection every few megabytes, 95 for each GiB downloaded. With
 * this flag V8 counts only live bytes, as it does by default from 14.8 on, where the flag is gone
 * (https://issues.chromium.org/issues/361124432): below 15 for each GiB. bench/README.md has the
 * figures.
 */
const flag = '--external-memory-accounted-in-global-limit';

/** Takes effect immediately; may be called at any time. */
export function countLiveBuffersOnly(v8Version: string = process.versions.v8): void {
  if (knowsFlag(v8Version)) setFlagsFromString(flag);
}

/**
 * V8 prints a warning about unknown flags on stderr. Node 24, the oldest supported version, has V8
 * 13.6.
 */
export function knowsFlag(v8Version: string): boolean {
  const [major = 0, minor = 0] = v8Version.split('.').map(Number);
  return major < 14 || (major === 14 && minor < 8);
}
