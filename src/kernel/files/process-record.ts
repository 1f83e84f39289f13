// Identifies the process that holds a lock, in a file beside it. Other processes name it in
// messages and detect when it has ended. Process ids are reused, so each record has a token that
// distinguishes one holder from the next.
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import process from 'node:process';
import { codeOf } from '../reason.ts';

export interface ProcessRecord {
  readonly pid: number;
  readonly host: string;
  /** New each time that the process acquires a lock. */
  readonly token: string;
}

/** Maximum size as JSON. */
export const maxRecordBytes = 1_024;

export function recordOfThisProcess(): ProcessRecord {
  return { pid: process.pid, host: hostname(), token: randomBytes(12).toString('hex') };
}

/** Undefined: not a record. The result is safe to print. */
export function parseProcessRecord(text: string): ProcessRecord | undefined {
  try {
    const { pid, host, token } = JSON.parse(text) as Partial<ProcessRecord>;
    if (Number.isSafeInteger(pid) && Number(pid) > 0 && typeof host === 'string' && typeof token === 'string')
      return { pid: Number(pid), host: host.replace(/[^\w.-]/g, '').slice(0, 64), token };
  } catch {
    // Not JSON, or null.
  }
  return undefined;
}

/**
 * True if the process has certainly ended. Always false for processes of other machines
 * and containers.
 */
export function isGone({ pid, host }: ProcessRecord): boolean {
  if (host !== hostname()) return false;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    // EPERM: the process exists but belongs to another user.
    return codeOf(error) === 'ESRCH';
  }
}

/** For messages. */
export function processText({ pid, host }: ProcessRecord): string {
  return host === hostname() ? `process ${pid}` : `process ${pid} on ${host}`;
}
