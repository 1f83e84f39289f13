// Owns `start`: the gateway in the foreground, on defaults, environment and flags, until it is asked to stop.
import { gatewayIdentityPath } from '../config/state-directory.ts';
import { loadOrCreateIdentity } from '../portal/identity-file.ts';
import { createCredential, type Credential } from '../portal/index.ts';
import { createLog, logRelayEvent, type Logger } from './log.ts';
import { distinctRelays } from './options.ts';
import type { CliContext } from './context.ts';
import { runGateway } from './run-gateway.ts';
import { aborted } from './shutdown.ts';

export interface StartOptions {
  readonly host?: string;
  readonly port?: number;
  readonly relay?: readonly string[];
}

/** gateway.shutdown_grace */
const drainMs = 30_000;

export async function start(options: StartOptions, context: CliContext): Promise<void> {
  const environment = context.environment();
  const log = createLog(environment.logLevel);
  const { host = environment.host, port = environment.port } = options;
  const relayUrls = distinctRelays(options.relay ?? [environment.relayUrl]);
  const credential = await keptIdentity(gatewayIdentityPath(environment.stateDirectory), log);
  await using parts = new AsyncDisposableStack();
  const { apiKey } = environment;
  const gateway = await runGateway(parts, {
    ...{ host, port, relayUrls, credential, apiKey, drainMs },
    log: (event) => {
      logRelayEvent(log, event);
    },
  });
  if (apiKey === undefined) {
    log.warn('no key is configured: every request is answered 401; set GATEWAY_API_KEY');
  }
  log.info({ url: gateway.url, identity: credential.id, relays: relayUrls }, 'listening');
  await aborted(context.signal);
  log.info('draining');
}

/** On a read-only file system the gateway runs all the same, as somebody new each time. */
async function keptIdentity(file: string, log: Logger): Promise<Credential> {
  try {
    return await loadOrCreateIdentity(file);
  } catch (error) {
    const { cause } = error as Error;
    if (!(cause instanceof Error) || !('code' in cause) || cause.code !== 'EROFS') throw error;
    log.warn(
      { file },
      'the identity can not be kept, so apps that admit only this gateway will refuse it after a restart',
    );
    return createCredential();
  }
}
