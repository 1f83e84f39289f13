// The relay of `dev`, in this process.
import type { Target } from '../../expose/app/target.ts';
import { isLoopback } from '../../kernel/net/ip.ts';
import { createCredential } from '../../portal/index.ts';
import { createRelay } from '../../relay/relay.ts';
import { defaultRelayPort } from '../options.ts';

/**
 * Returns its URL. Uses the default port of `leases` and `expose`, unless it is taken or is the
 * app's, which may start later.
 */
export async function startRelay(parts: AsyncDisposableStack, host: string, app: Target | undefined): Promise<string> {
  const options = { host, identity: createCredential() };
  const start = async (port: number): Promise<string> => {
    const relay = createRelay({ ...options, port });
    const { url } = await relay.listen();
    parts.defer(() => relay.close());
    return url;
  };
  if (app?.port === defaultRelayPort && isOnThisMachine(app)) return start(0);
  try {
    return await start(defaultRelayPort);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    return start(0);
  }
}

/** Whether the target is on this machine. */
export function isOnThisMachine({ hostname }: Target): boolean {
  return hostname === 'localhost' || hostname.endsWith('.localhost') || isLoopback(hostname);
}
