// The paths of files that must survive a restart. Does no I/O.
import { createHash } from 'node:crypto';
import { isAbsolute, join } from 'node:path';

/** XDG Base Directory Specification: a relative XDG_STATE_HOME is ignored. */
export function stateDirectoryIn(xdgStateHome: string | undefined, home: string): string {
  const base = xdgStateHome !== undefined && isAbsolute(xdgStateHome) ? xdgStateHome : join(home, '.local', 'state');
  return join(base, 'portal-gateway');
}

export function gatewayIdentityPath(stateDirectory: string): string {
  return join(stateDirectory, 'identity.pem');
}

/**
 * Used by one gateway at a time, which holds a lock file beside it: several would overwrite each
 * other's counts.
 */
export function quotaFilePath(stateDirectory: string): string {
  return join(stateDirectory, 'quotas.jsonl');
}

/** The secret for the digests is in a file beside it. Gateways may share both. */
export function keyDigestsPath(stateDirectory: string): string {
  return join(stateDirectory, 'key-digests');
}

/** The lease id of each name under `portal.name_binding: strict`. */
export function leaseNamesPath(stateDirectory: string): string {
  return join(stateDirectory, 'lease-names.jsonl');
}

/** Separate from the identity: read access to one must not allow impersonating the other. */
export function assertionKeysPath(stateDirectory: string): string {
  return join(stateDirectory, 'assertion-keys.json');
}

/**
 * One file for each name, because clients that pin a name to an id would reject a new identity
 * after a restart.
 */
export function exposeIdentityPath(stateDirectory: string, leaseName: string): string {
  return join(stateDirectory, 'expose', `${fileNameFor(leaseName)}.pem`);
}

/**
 * Plain names are used as they are. Other names become their plain part and a hash, so that two
 * names never share a file, even on file systems that ignore case or normalise accents, and no name
 * can escape the directory.
 */
function fileNameFor(leaseName: string): string {
  if (/^[a-z0-9_-]{1,64}$/.test(leaseName)) return leaseName;
  const plain = leaseName.replace(/[^A-Za-z0-9_-]+/g, '_').slice(0, 32);
  return `${plain}.${createHash('sha256').update(leaseName).digest('hex').slice(0, 16)}`;
}
