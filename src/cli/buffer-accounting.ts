// Owns the one setting of V8's garbage collector that the commands make. Whoever uses the package as a library keeps V8's default.
import process from 'node:process';
import { setFlagsFromString } from 'node:v8';

/**
 * V8 before 14.8 counts every byte put into a buffer since the last full collection, alive or dead, towards the limit that starts
 * the next one. What passes through a gateway is buffers: beside a heap of 20 MB that starts a full collection for every few
 * megabytes carried, 95 for each GiB downloaded. With this flag V8 counts the bytes that buffers hold, as it does by itself from
 * 14.8 on, where the flag is gone (https://issues.chromium.org/issues/361124432): below 15 for each GiB. bench/README.md has the
 * figures.
 */
const flag = '--external-memory-accounted-in-global-limit';

/** Takes effect at once, at any time. */
export function countLiveBuffersOnly(v8Version: string = process.versions.v8): void {
  if (knowsFlag(v8Version)) setFlagsFromString(flag);
}

/** V8 complains on stderr about a flag that it doesn't know. 13.6 is the V8 of Node 24, the oldest that we run on. */
export function knowsFlag(v8Version: string): boolean {
  const [major = 0, minor = 0] = v8Version.split('.').map(Number);
  return major < 14 || (major === 14 && minor < 8);
}
