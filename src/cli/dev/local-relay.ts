// The relay of `dev`, in this process.
import { createCredential } from '../../portal/index.ts';
import { createRelay } from '../../relay/relay.ts';
import { defaultRelayPort } from '../options.ts';

/** Returns its URL. Uses the default port of `leases` and `expose`, unless it is taken. */
export async function startRelay(parts: AsyncDisposableStack, host: string): Promise<string> {
  const options = { host, identity: createCredential() };
  const start = async (port: number): Promise<string> => {
    const relay = createRelay({ ...options, port });
    const { url } = await relay.listen();
    parts.defer(() => relay.close());
    return url;
  };
  try {
    return await start(defaultRelayPort);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    return start(0);
  }
}
