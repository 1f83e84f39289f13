// Lets only one process at a time publish with an identity file: two processes would take the lease
// from each other. The operating system holds the lock while the process lives (process-lock.ts).
// Files beside the identity name the holder and pass it requests to drain.
import { realpath, rename, unlink } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { temporaryName, writeNewFile } from '../kernel/files/new-file.ts';
import { lockForLife, type ProcessLock } from '../kernel/files/process-lock.ts';
import {
  isGone,
  maxRecordBytes,
  parseProcessRecord,
  type ProcessRecord,
  recordOfThisProcess,
} from '../kernel/files/process-record.ts';
import { readBeginning } from '../kernel/read-beginning.ts';
import { codeOf } from '../kernel/reason.ts';
import { ignore } from '../kernel/ignore.ts';
import { systemClock } from '../kernel/clock.ts';

/**
 * locked: until the lock is released. held: by another process; `holder` is undefined if its record
 * cannot be read. unlockable: no lock file can be kept beside the identity, for example beside a
 * mounted secret.
 */
export type IdentityClaim =
  | { readonly kind: 'locked'; readonly lock: IdentityLock }
  | { readonly kind: 'held'; readonly holder: ProcessRecord | undefined }
  | { readonly kind: 'unlockable'; readonly reason: string };

// The system's clock: the waits are real.

/** A process that has just acquired the lock writes its record within this time. */
const recordPatienceMs = 2_000;
const retryMs = 50;
/**
 * How often the holder checks for a request to drain, and its successor checks whether the
 * lock is free.
 */
const lookEveryMs = 500;

interface LockFiles {
  readonly lock: string;
  readonly holder: string;
  readonly drain: string;
}

/** If `identityFile` does not exist, there is nothing to lock. Never rejects. */
export async function claimIdentity(identityFile: string): Promise<IdentityClaim> {
  try {
    const files = await filesOf(identityFile);
    const untilMs = systemClock.monotonicMs() + recordPatienceMs;
    for (;;) {
      const lock = await lockForLife(files.lock);
      if (lock !== undefined) return { kind: 'locked', lock: await holding(files, lock) };
      const holder = await recordIn(files.holder);
      if (holder !== undefined && !isGone(holder)) return { kind: 'held', holder };
      // The record belongs to a process that was killed: the new holder has not written its own
      // yet. Two processes that start at the same time may also both find the lock busy.
      if (systemClock.monotonicMs() >= untilMs) return { kind: 'held', holder: undefined };
      await wait(retryMs * (0.5 + Math.random()));
    }
  } catch (error) {
    return { kind: 'unlockable', reason: codeOf(error) ?? String(error) };
  }
}

/**
 * Asks the holder to drain, then waits until the lock is free or `signal` is aborted. Undefined:
 * aborted. A string: the error code for which the holder cannot be asked or no lock can be kept.
 * Never rejects.
 */
export async function takeOverIdentity(
  identityFile: string,
  signal: AbortSignal,
): Promise<IdentityLock | string | undefined> {
  try {
    const files = await filesOf(identityFile);
    let askedToken: string | undefined;
    for (;;) {
      const lock = await lockForLife(files.lock);
      if (lock !== undefined) return await holding(files, lock);
      const holder = await recordIn(files.holder);
      if (holder !== undefined && holder.token !== askedToken) {
        // Addressed by token, not by process id, so that a stale record never reaches an
        // unrelated process.
        await writeWhole(files.drain, { ...recordOfThisProcess(), token: holder.token });
        askedToken = holder.token;
      }
      await wait(lookEveryMs, undefined, { signal });
    }
  } catch (error) {
    return signal.aborted ? undefined : (codeOf(error) ?? String(error));
  }
}

export class IdentityLock {
  /** Resolves with the process that asks this one to drain. Never rejects. */
  readonly drainRequest: Promise<ProcessRecord>;
  readonly #files: LockFiles;
  readonly #lock: ProcessLock;
  readonly #own: ProcessRecord;
  readonly #requestDrain: (successor: ProcessRecord) => void;
  readonly #timer: NodeJS.Timeout;
  #isLooking = false;
  #isReleased = false;

  constructor(files: LockFiles, lock: ProcessLock, own: ProcessRecord) {
    this.#files = files;
    this.#lock = lock;
    this.#own = own;
    const { promise, resolve } = Promise.withResolvers<ProcessRecord>();
    this.drainRequest = promise;
    this.#requestDrain = resolve;
    this.#timer = setInterval(() => void this.look(), lookEveryMs);
    this.#timer.unref();
  }

  /** Checks for a request to drain. Called by a timer. Never rejects. */
  async look(): Promise<void> {
    // On a hung network file system, pending reads and their threads would otherwise pile up.
    if (this.#isLooking) return;
    this.#isLooking = true;
    const request = await recordIn(this.#files.drain);
    this.#isLooking = false;
    if (request?.token === this.#own.token) this.#requestDrain(request);
  }

  /** Never rejects. Idempotent. */
  async release(): Promise<void> {
    if (this.#isReleased) return;
    this.#isReleased = true;
    clearInterval(this.#timer);
    // While the lock is held, no other process writes these files.
    for (const file of [this.#files.holder, this.#files.drain]) await unlink(file).catch(ignore);
    this.#lock.release();
  }
}

async function holding(files: LockFiles, lock: ProcessLock): Promise<IdentityLock> {
  const own = recordOfThisProcess();
  try {
    await writeWhole(files.holder, own);
  } catch (error) {
    lock.release();
    throw error;
  }
  return new IdentityLock(files, lock, own);
}

/** The paths are derived from the real file, whichever symbolic link leads to it. */
async function filesOf(identityFile: string): Promise<LockFiles> {
  const path = await realpath(identityFile);
  return { lock: `${path}.lock`, holder: `${path}.holder`, drain: `${path}.drain` };
}

async function writeWhole(path: string, record: ProcessRecord): Promise<void> {
  const temporary = temporaryName(path);
  try {
    await writeNewFile(temporary, JSON.stringify(record), { durable: false });
    await rename(temporary, path);
  } catch (error) {
    await unlink(temporary).catch(ignore);
    throw error;
  }
}

/** Undefined: there is no record, or the file contains something else. */
async function recordIn(path: string): Promise<ProcessRecord | undefined> {
  try {
    return parseProcessRecord((await readBeginning(path, maxRecordBytes)).toString('utf8'));
  } catch {
    return undefined;
  }
}
