// Implements `dev`: relay, demo app and gateway in one process, connected as separate processes
// would be. Leaves no files behind.
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { Config, KeyConfig } from '../../config/load/config.ts';
import { defaultConfig } from '../../config/schema/defaults.ts';
import { createDemoApp } from '../../demo/demo-app.ts';
import { Bridge } from '../../expose/bridge.ts';
import { publish } from '../../expose/publish.ts';
import { parseTarget } from '../../expose/app/target.ts';
import { createCredential, RelayClient, type Credential } from '../../portal/index.ts';
import { createRelay } from '../../relay/relay.ts';
import { createApiKey } from '../../auth/api-key.ts';
import { defaultRelayPort } from '../options.ts';
import type { CliContext } from '../context.ts';
import { runGateway } from '../../gateway/run-gateway.ts';
import { aborted } from '../shutdown.ts';

export interface DevOptions {
  readonly port: number;
}

const leaseName = 'demo';
const loopback = '127.0.0.1';
const drainMs = 5_000;

export async function dev({ port }: DevOptions, { terminal, signal }: CliContext): Promise<void> {
  await using parts = new AsyncDisposableStack();
  const relayUrl = await startRelay(parts);
  const gatewayIdentity = createCredential();
  const key = createApiKey('test');
  try {
    const leaseId = await publishDemo(parts, relayUrl, gatewayIdentity, signal);
    // Started last, so that it drains first: requests in flight need the app and the relay.
    const gateway = await runGateway(parts, {
      config: devConfig(port, relayUrl, key),
      credential: gatewayIdentity,
    });
    await gateway.ready(signal);
    terminal.note(`relay    ${relayUrl}`);
    terminal.note(`gateway  ${gateway.url} (${gatewayIdentity.id})`);
    terminal.note(`demo     published as "${leaseName}" (${leaseId}), for this gateway only`);
    terminal.result(`key   ${key}`);
    terminal.result(`try   curl -H 'Authorization: Bearer ${key}' ${gateway.url}/peer/${leaseName}/`);
    terminal.note('Press Ctrl-C to stop everything.');
    await aborted(signal);
  } catch (error) {
    // An abort during the start counts as a normal stop.
    if (!signal.aborted) throw error;
  }
}

/** Ignores the file and the environment, so that `dev` works the same everywhere. */
function devConfig(port: number, relayUrl: string, key: string): Config {
  const { gateway, portal, auth, ...rest } = defaultConfig();
  return {
    ...rest,
    // Do not let idle connections of a browser delay the exit.
    gateway: { ...gateway, host: loopback, port, shutdownGraceMs: drainMs, drainLingerMs: 0 },
    portal: { ...portal, relays: [{ url: relayUrl, caFile: '' }] },
    auth: { ...auth, keys: [devKey(key)] },
    leaseAcl: { [leaseName]: ['dev'] },
  };
}

function devKey(key: string): KeyConfig {
  const scopes = ['read', 'write'];
  return {
    ...{ id: 'dev', key, keyHash: '', keyPrefix: '' },
    ...{ description: '', scopes, notBefore: '', expiresAt: '', allowedCidrs: [] },
  };
}

/** Uses the default port of `leases` and `expose`, unless it is taken. */
async function startRelay(parts: AsyncDisposableStack): Promise<string> {
  const options = { host: loopback, identity: createCredential() };
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

/**
 * Admits only the gateway, like `expose --allow-client`: other clients of the relay cannot bypass
 * it.
 */
async function publishDemo(
  parts: AsyncDisposableStack,
  relayUrl: string,
  gateway: Credential,
  signal: AbortSignal,
): Promise<string> {
  const credential = createCredential();
  const app = createDemoApp({ gatewayId: gateway.id, relay: relayUrl, leaseId: credential.id });
  app.listen(0, loopback);
  await once(app, 'listening');
  parts.defer(() => {
    app.closeAllConnections();
    app.close();
  });
  const bridge = new Bridge({ target: parseTarget(`${loopback}:${(app.address() as AddressInfo).port}`) });
  parts.defer(() => bridge.close());
  const { promise: published, resolve, reject } = Promise.withResolvers<string>();
  const relay = new RelayClient({
    url: relayUrl,
    credential,
    log: (event) => {
      if (event.type === 'published') resolve(event.leaseId);
      else if (event.type === 'publish_failed') reject(event.error);
    },
  });
  parts.defer(() => relay.close());
  const offer = {
    name: leaseName,
    credential,
    description: 'The demo app of Portal Gateway',
    allowClients: [gateway.id],
  };
  const stop = new AbortController();
  const publishing = publish(offer, [relay], bridge, { signal: stop.signal });
  parts.defer(async () => {
    stop.abort();
    await publishing;
  });
  signal.addEventListener('abort', () => {
    reject(signal.reason as Error);
  });
  return published;
}
