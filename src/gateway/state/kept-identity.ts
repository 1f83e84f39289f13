// Loads the identity that a command keeps in the state directory, or creates one for this process
// if no file can be written.
import { isUnwritablePlace } from '../../kernel/files/state-place.ts';
import { loadOrCreateIdentity } from '../../portal/identity-file.ts';
import { createCredential, type Credential } from '../../portal/index.ts';

/**
 * Loads or creates `file`. If the directory is not writable, calls `warn` with the reason and
 * returns a new identity. Throws PortalError identity_file for a file that exists and cannot be
 * used: apps that admit its id would reject a new one.
 */
export async function keptIdentity(file: string, warn: (reason: string) => void): Promise<Credential> {
  try {
    return await loadOrCreateIdentity(file);
  } catch (error) {
    if (!(error instanceof Error) || !(await isUnwritablePlace(file, error.cause))) throw error;
    warn(error.message);
    return createCredential();
  }
}
