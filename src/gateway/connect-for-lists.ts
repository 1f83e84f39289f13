// Connects to a relay once, for commands that read its list of leases.
import { createCredential } from '../portal/index.ts';
import { connectTransport } from '../upstream/create-transport.ts';
import type { Transport } from '../upstream/transport.ts';

/** Opens no tunnel to an app, so any credential will do. Throws as connectTransport(). */
export function connectForLists(url: string, ca: string | undefined, signal: AbortSignal): Promise<Transport> {
  return connectTransport({ url, credential: createCredential(), ...(ca !== undefined && { ca }) }, signal);
}
