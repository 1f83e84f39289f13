// Owns where things that must survive a restart are kept, as paths. Reads and writes none of them.
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

/** Of one gateway, which holds a lock beside it: several would each write what they alone know. */
export function quotaFilePath(stateDirectory: string): string {
  return join(stateDirectory, 'quotas.jsonl');
}

/** Beside it stands the secret that they are made with. Gateways may share both. */
export function keyDigestsPath(stateDirectory: string): string {
  return join(stateDirectory, 'key-digests');
}

/** Which lease id has which name, under `portal.name_binding: strict`. */
export function leaseNamesPath(stateDirectory: string): string {
  return join(stateDirectory, 'lease-names.jsonl');
}

/** Not the identity: who reads the one must not be able to be the other. */
export function assertionKeysPath(stateDirectory: string): string {
  return join(stateDirectory, 'assertion-keys.json');
}

/** One file for each name: whoever pinned a name to an id would otherwise be locked out by the next restart. */
export function exposeIdentityPath(stateDirectory: string, leaseName: string): string {
  return join(stateDirectory, 'expose', `${fileNameFor(leaseName)}.pem`);
}

/**
 * Plain names stand for themselves; of others the plain part and a hash, so that two names never share a file, also where the
 * file system ignores case or composes accents, and no name leaves the directory.
 */
function fileNameFor(leaseName: string): string {
  if (/^[a-z0-9_-]{1,64}$/.test(leaseName)) return leaseName;
  const plain = leaseName.replace(/[^A-Za-z0-9_-]+/g, '_').slice(0, 32);
  return `${plain}.${createHash('sha256').update(leaseName).digest('hex').slice(0, 16)}`;
}
