// Lets one process at a time publish with an identity file: two would take the lease from each other. The operating system keeps the lock
// while the process lives (process-lock.ts). Files beside the identity name the holder and carry a request to it to drain.
import { randomBytes } from 'node:crypto';
import { open, realpath, rename, unlink } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { lockForLife, type ProcessLock } from '../kernel/files/process-lock.ts';
import {
  isGone,
  maxRecordBytes,
  parseProcessRecord,
  type ProcessRecord,
  recordOfThisProcess,
} from '../kernel/files/process-record.ts';
import { readBeginning } from '../kernel/read-beginning.ts';

/**
 * locked: until the lock is released. held: by another process, which is undefined if its record cannot be read. unlockable: no lock can be
 * kept beside the file, for example beside a mounted secret.
 */
export type IdentityClaim =
  | { readonly kind: 'locked'; readonly lock: IdentityLock }
  | { readonly kind: 'held'; readonly holder: ProcessRecord | undefined }
  | { readonly kind: 'unlockable'; readonly reason: string };

/** A process that has just taken the lock writes its record within this. */
const recordPatienceMs = 2_000;
const retryMs = 50;
/** How soon the holder notices a request to drain, and the successor a lock that is free. */
const lookEveryMs = 500;

interface LockFiles {
  readonly lock: string;
  readonly holder: string;
  readonly drain: string;
}

/** `identityFile` exists, or there is nothing to lock. Never rejects. */
export async function claimIdentity(identityFile: string): Promise<IdentityClaim> {
  try {
    const files = await filesOf(identityFile);
    const untilMs = performance.now() + recordPatienceMs;
    for (;;) {
      const lock = await lockForLife(files.lock);
      if (lock !== undefined) return { kind: 'locked', lock: await holding(files, lock) };
      const holder = await recordIn(files.holder);
      if (holder !== undefined && !isGone(holder)) return { kind: 'held', holder };
      // Of a process that was killed: the holder has not written its own yet. Two that start at once may also both find the lock busy.
      if (performance.now() >= untilMs) return { kind: 'held', holder: undefined };
      await wait(retryMs * (0.5 + Math.random()));
    }
  } catch (error) {
    return { kind: 'unlockable', reason: codeOf(error) };
  }
}

/**
 * Asks the holder to drain, and waits until the lock is free or `signal` is aborted. Undefined: aborted. A text: the code of the error because
 * of which the holder cannot be asked, or no lock can be kept. Never rejects.
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
        // Addressed by token, not by process id: a record that was left behind reaches no process.
        await writeWhole(files.drain, { ...recordOfThisProcess(), token: holder.token });
        askedToken = holder.token;
      }
      await wait(lookEveryMs, undefined, { signal });
    }
  } catch (error) {
    return signal.aborted ? undefined : codeOf(error);
  }
}

export class IdentityLock {
  /** Resolves with the process that asks this one to drain; never rejects. */
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

  /** Checks for a request to drain; a timer calls it. Never rejects. */
  async look(): Promise<void> {
    // A hung network file system would otherwise collect reads, and their threads with them.
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
    for (const file of [this.#files.holder, this.#files.drain]) await unlink(file).catch(() => undefined);
    this.#lock.release();
  }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error);
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

/** Of the file itself, however many links lead to it. */
async function filesOf(identityFile: string): Promise<LockFiles> {
  const path = await realpath(identityFile);
  return { lock: `${path}.lock`, holder: `${path}.holder`, drain: `${path}.drain` };
}

async function writeWhole(path: string, record: ProcessRecord): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(JSON.stringify(record));
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw error;
  }
}

/** Undefined: there is no record, or the file holds something else. */
async function recordIn(path: string): Promise<ProcessRecord | undefined> {
  try {
    return parseProcessRecord((await readBeginning(path, maxRecordBytes)).toString('utf8'));
  } catch {
    return undefined;
  }
}
