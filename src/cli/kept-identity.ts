// The identity that a command keeps in the state directory, or one for the lifetime of the process where nothing can be kept.
import { isUnwritablePlace } from '../kernel/state-place.ts';
import { loadOrCreateIdentity } from '../portal/identity-file.ts';
import { createCredential, type Credential } from '../portal/index.ts';

/**
 * Loads or creates `file`. Where no file can be kept it calls `warn` with the reason and returns a new identity. Throws PortalError
 * identity_file for a file that is there and cannot be used: another id in its place would lock the process out without a trace.
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
