// The file in which a gateway stores the lease id of each name under `portal.name_binding: strict`.
// One JSON object a line; the last line for a name counts. Lines are only appended, so that a
// gateway and `leases accept` can both write.
import { appendFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { foldName, isLeaseId, leaseIdIn } from '../kernel/lease-name.ts';
import { linesOf } from '../kernel/files/lines.ts';
import type { TrustedUser } from '../kernel/files/private-file.ts';
import { readPrivateFile } from '../kernel/files/read-private-file.ts';
import { each, Slices, type Steps } from '../kernel/work/slices.ts';
import { makePrivateDirectory } from '../kernel/files/state-place.ts';

export interface LeaseNameLine {
  /** Normalised by foldName(). */
  readonly name: string;
  readonly id: string;
}

export interface ReadLines {
  readonly lines: readonly LeaseNameLine[];
  /** The number of lines without a name and an id. */
  readonly faults: number;
  /** The offset of the next line. */
  readonly end: number;
}

/** A name takes at most 256 bytes, and a gateway stores at most 100,000. */
const maxFileBytes = 64 * 1024 * 1024;

/**
 * The lines from the offset `start` on; none if there is no file. `user`: the user that may own the
 * file; default: the user of this process. Throws PrivateFileError when other users can change the
 * file, or the system's error.
 */
export async function readLeaseNames(file: string, start = 0, user?: TrustedUser): Promise<ReadLines> {
  const options = { kind: 'secret', maxBytes: maxFileBytes, start, user } as const;
  const text = (await readPrivateFile(file, options)) ?? Buffer.alloc(0);
  // A line without a line feed is still being written.
  const whole = text.subarray(0, text.lastIndexOf(0x0a) + 1);
  return { ...(await new Slices().run(parsed(whole.toString('utf8')))), end: start + whole.length };
}

function* parsed(whole: string): Steps<Omit<ReadLines, 'end'>> {
  const lines: LeaseNameLine[] = [];
  let faults = 0;
  for (const text of linesOf(whole)) {
    yield;
    if (text.trim() === '') continue;
    const line = parse(text);
    if (line === undefined) faults += 1;
    else lines.push(line);
  }
  return { lines, faults };
}

/** Throws PrivateFileError, or the system's error. */
export async function appendLeaseNames(
  file: string,
  lines: readonly LeaseNameLine[],
  user?: TrustedUser,
): Promise<void> {
  await makePrivateDirectory(dirname(file), user);
  const texts: string[] = [];
  await new Slices().run(each(lines, ({ name, id }) => texts.push(`${JSON.stringify({ name, id })}\n`)));
  await appendFile(file, texts.join(''), { mode: 0o600, flush: true });
}

function parse(line: string): LeaseNameLine | undefined {
  try {
    const { name, id } = JSON.parse(line) as Partial<LeaseNameLine>;
    if (typeof name !== 'string' || typeof id !== 'string' || !isLeaseId(id)) return undefined;
    return name === '' || leaseIdIn(name) !== undefined ? undefined : { name: foldName(name), id };
  } catch {
    return undefined;
  }
}
