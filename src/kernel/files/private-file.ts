// Decides whether a private file can be trusted: whether other users may read it, change it, or
// replace it. Reads directories and links, never the file itself. docs/security.md#private-files
// compares the rules with those of other servers.
import { constants } from 'node:fs';
import { access, lstat, readlink, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import process from 'node:process';
import { codeOf } from '../reason.ts';
import { ignore } from '../ignore.ts';

/** The user whose files this process trusts, besides root. */
export interface TrustedUser {
  readonly uid: number;
  /** Group ids of the process. */
  readonly gids: readonly number[];
}

/**
 * A private file, or the place for one, was rejected. The message names it and states the remedy.
 */
export class PrivateFileError extends Error {
  override readonly name = 'PrivateFileError';
}

interface FileStat {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/**
 * key: a private key, readable by one user; by a group only if the file belongs to root, as in
 * PostgreSQL. secret: a group may read it. mounted: other users may read it too, because Docker
 * mounts secrets with mode 0444.
 */
export type PrivateKind = 'key' | 'secret' | 'mounted';

const sticky = 0o1000;
const groupMayWrite = 0o020;
const othersMayWrite = 0o002;
/** The same limit as Linux. */
const maxSymlinks = 40;

/**
 * For commands with which root administers a service's files: returns the owner of `path`, or of
 * its directory. If not run as root, or without such a directory, returns the user of this process.
 */
export async function administeredUser(path: string): Promise<TrustedUser | undefined> {
  const user = processUser();
  if (user?.uid !== 0) return user;
  const owner = await stat(path).catch(() => stat(dirname(path)).catch(ignore));
  return owner === undefined ? user : { uid: owner.uid, gids: [owner.gid] };
}

/** Undefined on Windows, which has no such users and modes. */
export function processUser(): TrustedUser | undefined {
  const uid = process.geteuid?.();
  const gid = process.getegid?.();
  if (uid === undefined || gid === undefined) return undefined;
  return { uid, gids: [gid, ...(process.getgroups?.() ?? [])] };
}

/**
 * Why another user could replace this file, and the remedy. Undefined: no other user could, or
 * the path does not exist, which opening the file reports. Like sshd with StrictModes, it checks
 * every directory up to the root, because write access to one of them is enough to rename
 * everything below it. Unlike sshd, it follows the path as given, so that directories of links
 * are checked as well.
 */
export async function placeFault(
  path: string,
  user: TrustedUser | undefined = processUser(),
): Promise<string | undefined> {
  if (user === undefined) return undefined;
  // Not join(): it would remove a link together with the following `..`, but the system resolves
  // the link first.
  const rest = stepsOf(isAbsolute(path) ? path : `${process.cwd()}/${path}`).reverse();
  let directory = '/';
  let symlinks = 0;
  for (let step: string | undefined = '.'; step !== undefined; step = rest.pop()) {
    // Every directory passed through has been checked.
    if (step === '..') directory = dirname(directory);
    if (step === '..') continue;
    const entry = join(directory, step);
    const found = await lstat(entry).catch(ignore);
    if (found === undefined) return undefined;
    if (found.isSymbolicLink()) {
      // In a sticky directory everyone may create links, but only the owner of a link
      // may replace it.
      if (!isTrusted(found.uid, user) && (await isSticky(directory)))
        return ownerFault(`the link ${shown(entry)}`, entry, found, user);
      symlinks += 1;
      const target = await readlink(entry).catch(ignore);
      if (target === undefined || symlinks > maxSymlinks) return undefined;
      rest.push(...stepsOf(target).reverse());
      if (isAbsolute(target)) directory = '/';
      continue;
    }
    if (!found.isDirectory()) return undefined;
    const fault = directoryFault(entry, found, user);
    if (fault !== undefined) return fault;
    directory = entry;
  }
  return undefined;
}

/**
 * Why the file itself is not private, and the remedy. `file` is the stat of the open file, so that
 * it cannot change in between.
 */
export function privacyFault(
  path: string,
  file: FileStat,
  kind: PrivateKind,
  user: TrustedUser | undefined = processUser(),
): string | undefined {
  if (user === undefined) return undefined;
  if (!isTrusted(file.uid, user)) return ownerFault('it', path, file, user);
  const isLent = file.uid === 0 && user.uid !== 0;
  const remedy = (chmod: string): string =>
    isLent ? lentRemedy(path, file, kind, user) : `run "chmod ${kind === 'key' ? '600' : chmod} ${path}"`;
  if ((file.mode & othersMayWrite) !== 0) return `every user of this machine may change it: ${remedy('o=')}`;
  if (kind !== 'mounted' && (file.mode & 0o007) !== 0) return `every user of this machine may use it: ${remedy('o=')}`;
  if ((file.mode & groupMayWrite) !== 0) return `the users of its group may change it: ${remedy('g-w')}`;
  if (kind === 'key' && (file.mode & 0o070) !== 0 && !isLent) return `the users of its group may use it: ${remedy('')}`;
  return undefined;
}

/**
 * Only root may change a file that root owns, and this process must still be able to read
 * it afterwards.
 */
function lentRemedy(path: string, { gid }: FileStat, kind: PrivateKind, { uid, gids }: TrustedUser): string {
  const readable = kind === 'mounted' ? `chmod 444 ${path}` : `chown ${uid} ${path} && chmod 400 ${path}`;
  const command = gids.includes(gid) ? `chmod 440 ${path}` : readable;
  const mounting = kind === 'mounted' ? '' : '; in Kubernetes mount it with defaultMode: 0400 and set fsGroup';
  return `run "${command}" as root${mounting}`;
}

/** Why an open file is rejected, by its mode, owner or place, and the remedy. */
export async function refusalOf(
  path: string,
  file: FileStat,
  kind: PrivateKind,
  user: TrustedUser | undefined = processUser(),
): Promise<string | undefined> {
  return privacyFault(path, file, kind, user) ?? placeFault(path, user);
}

/**
 * Like refusalOf(), for a file that is used later, and created if it is missing and this user
 * may create it.
 */
export async function futureRefusalOf(path: string, kind: PrivateKind): Promise<string | undefined> {
  const file = await stat(path).catch(ignore);
  if (file !== undefined) return refusalOf(path, file, kind);
  return (await isWritable(dirname(path))) ? placeFault(path) : undefined;
}

async function isWritable(directory: string): Promise<boolean> {
  try {
    await access(directory, constants.W_OK);
    return true;
  } catch (error) {
    const isMissing = codeOf(error) === 'ENOENT';
    return isMissing && dirname(directory) !== directory && isWritable(dirname(directory));
  }
}

/** Looked up for each link, because `..` steps may have led to this directory. */
async function isSticky(directory: string): Promise<boolean> {
  return ((await stat(directory)).mode & sticky) !== 0;
}

function directoryFault(path: string, found: FileStat, user: TrustedUser): string | undefined {
  const what = `the directory ${shown(path)}`;
  if (!isTrusted(found.uid, user)) return ownerFault(what, path, found, user);
  if ((found.mode & sticky) !== 0) return undefined;
  if ((found.mode & othersMayWrite) !== 0)
    return `every user of this machine may write to ${what}, and so replace it: run "chmod go-w ${path}"`;
  // Kubernetes prepares pod volumes like this (fsGroup): owned by root, writable for a group of
  // this process.
  const isLent = found.uid === 0 && user.gids.includes(found.gid);
  if ((found.mode & groupMayWrite) === 0 || isLent) return undefined;
  return `the users of its group may write to ${what}, and so replace it: run "chmod g-w ${path}"`;
}

function ownerFault(what: string, path: string, { uid }: FileStat, user: TrustedUser): string {
  const other = user.uid === 0 ? 'not to root' : `neither to this user (${user.uid}) nor to root`;
  return `${what} belongs to user ${uid}, ${other}: run "chown ${user.uid} ${path}", or run as user ${uid}`;
}

function isTrusted(uid: number, user: TrustedUser): boolean {
  return uid === 0 || uid === user.uid;
}

function stepsOf(path: string): string[] {
  return path.split('/').filter((step) => step !== '' && step !== '.');
}

function shown(path: string): string {
  return JSON.stringify(path);
}
