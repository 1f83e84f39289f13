// The file that stores an identity: its format, its permissions, and its atomic creation. Errors
// are one line with the remedy and never include the content.
import { link, readlink, unlink } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { temporaryName, writeNewFile } from '../kernel/files/new-file.ts';
import { openToRead, readUpTo } from '../kernel/files/open-file.ts';
import { PrivateFileError, refusalOf } from '../kernel/files/private-file.ts';
import { makePrivateDirectory } from '../kernel/files/state-place.ts';
import { codeOf } from '../kernel/reason.ts';
import { ignore } from '../kernel/ignore.ts';
import { PortalError } from './errors.ts';
import { createCredential, type Credential, credentialFromPem } from './identity.ts';

/** An Ed25519 key in PEM has 119 bytes; comments may surround it. */
const maxFileBytes = 16 * 1024;
/** The limit of Linux. */
const maxSymlinks = 40;

/**
 * Throws PortalError identity_file; on a system error `cause` has its code (ENOENT, EACCES, ...).
 */
export async function loadIdentity(path: string): Promise<Credential> {
  const pem = await readPem(path);
  try {
    return credentialFromPem(pem);
  } catch (error) {
    const what = error instanceof PortalError ? error.message : 'unreadable';
    throw fault(path, `${what}: restore the file, or remove it to get a new identity`);
  } finally {
    pem.fill(0);
  }
}

/**
 * Loads the identity, or creates file and directory if missing. Processes that run this
 * concurrently all get the same identity. Throws PortalError identity_file; on a read-only file
 * system `cause.code` is EROFS and the caller decides.
 */
export async function loadOrCreateIdentity(path: string): Promise<Credential> {
  try {
    return await loadIdentity(path);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  const credential = createCredential();
  return (await createFile(path, credential.exportPem())) ? credential : loadIdentity(path);
}

async function readPem(path: string): Promise<Buffer> {
  const file = await openToRead(path).catch((error: unknown) => {
    throw fault(path, openFault(error), error);
  });
  try {
    const stat = await file.stat();
    if (stat.isDirectory()) throw fault(path, 'it is a directory: name a file in it');
    if (!stat.isFile()) throw fault(path, 'it is not a regular file');
    const privacy = await refusalOf(path, stat, 'key');
    if (privacy !== undefined) throw fault(path, privacy);
    if (stat.size > maxFileBytes) throw fault(path, `it has ${stat.size} bytes and cannot be a private key`);
    return await readUpTo(file, maxFileBytes);
  } catch (error) {
    if (error instanceof PortalError) throw error;
    throw fault(path, 'it could not be read', error);
  } finally {
    await file.close();
  }
}

/** Returns false if another process created the file first. */
async function createFile(path: string, pem: string): Promise<boolean> {
  const target = await followSymlinks(path);
  const temporary = temporaryName(target);
  try {
    await makePrivateDirectory(dirname(target));
    await writeNewFile(temporary, pem, { durable: true });
    // link() decides between concurrent processes: it is atomic and never replaces a file.
    await link(temporary, target);
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    if (error instanceof PrivateFileError) throw fault(path, error.message);
    throw fault(path, createFault(error), error);
  } finally {
    await unlink(temporary).catch(ignore);
  }
}

/** A dangling symlink is followed: the file is created at its target. */
async function followSymlinks(path: string): Promise<string> {
  let current = resolve(path);
  for (let i = 0; i < maxSymlinks; i += 1) {
    const target = await readlink(current).catch(ignore);
    if (target === undefined) return current;
    current = resolve(dirname(current), target);
  }
  return current;
}

function openFault(error: unknown): string {
  switch (errorCode(error)) {
    case 'ENOENT':
      return 'there is no such file: create it with "portal-gateway identity --new"';
    case 'EACCES':
    case 'EPERM':
      return 'this user may not read it: change its owner, or run as its owner';
    case 'ELOOP':
      return 'its symbolic links are circular: remove them';
    default:
      return `it could not be opened (${errorCode(error)})`;
  }
}

function createFault(error: unknown): string {
  switch (errorCode(error)) {
    case 'EROFS':
      return 'the file system is read-only: mount the identity, or name a path that can be written';
    case 'EACCES':
    case 'EPERM':
      return 'it could not be created: let this user write to its directory, or name another path';
    case 'ENOENT':
      return 'it could not be created: its directory cannot be created on this file system; name another path';
    case 'ENOTDIR':
      return 'it could not be created: a part of its path is not a directory';
    default:
      return `it could not be created (${errorCode(error)})`;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof PortalError && errorCode(error.cause) === 'ENOENT';
}

function errorCode(error: unknown): string {
  return codeOf(error) ?? 'unknown error';
}

function fault(path: string, message: string, cause?: unknown): PortalError {
  return new PortalError('identity_file', `identity file ${path}: ${message}`, cause === undefined ? {} : { cause });
}
