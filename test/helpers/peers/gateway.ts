// A gateway as a separate process, controlled by the test that started it. SIGTERM drains it, as it
// does for the real command.
import { onShutdown } from '../../../src/cli/shutdown.ts';
import { createGateway } from '../../../src/gateway/gateway.ts';
import type { ErrorCode } from '../../../src/kernel/errors/error-table.ts';
import { requestFailed } from '../../../src/kernel/events.ts';
import { createCredential } from '../../../src/portal/identity.ts';
import type { Timeouts } from '../../../src/policy/policy.ts';
import type { RelayClientOptions } from '../../../src/portal/relay-client.ts';
import { SecurePipe } from '../../../src/portal/secure/secure-pipe.ts';
import { MuxStream } from '../../../src/portal/yamux/mux-stream.ts';
import { Mux } from '../../../src/portal/yamux/mux.ts';
import type { PoolLimits } from '../../../src/upstream/tunnel-pool.ts';
import { createTransport } from '../../../src/upstream/create-transport.ts';
import type { Transport } from '../../../src/upstream/transport.ts';
import { testPolicy } from '../policy.ts';
import { born } from './lives.ts';
import { serveParent, settings, tellParent } from './parent.ts';

export interface GatewaySettings extends Pick<RelayClientOptions, 'keepalive' | 'reconnect'> {
  readonly relayUrl: string;
  readonly pool?: Partial<PoolLimits>;
  readonly timeouts?: Partial<Timeouts>;
  /** How long a drain lets requests in flight continue. */
  readonly graceMs?: number;
}

/** A failed request, as the gateway reported it. */
export interface Failure {
  readonly requestId: string;
  readonly code: ErrorCode;
}

const { relayUrl, pool, timeouts, graceMs, keepalive, reconnect } = settings as GatewaySettings;
const relayTransport = createTransport({
  url: relayUrl,
  credential: createCredential(),
  ...(keepalive !== undefined && { keepalive }),
  ...(reconnect !== undefined && { reconnect }),
  log: (event) => {
    tellParent(event.type);
  },
});
const transport: Transport = {
  ...relayTransport,
  dial: async (lease, options) => {
    const tunnel = await relayTransport.dial(lease, options);
    born('tunnel', tunnel);
    return tunnel;
  },
};
const policyParts = {
  timeouts: { dialMs: 5_000, responseHeadersMs: 60_000, bodyIdleMs: 60_000, ...timeouts },
  limits: { maxConnections: 100_000, maxConnectionsPerIp: 100_000, maxInFlight: 100_000, maxStreams: 100_000 },
};
const gateway = createGateway({
  host: '127.0.0.1',
  port: 0,
  policy: testPolicy(policyParts),
  transports: [transport],
  ...(pool !== undefined && { pool }),
});
const { port } = await gateway.listen();
await transport.ready(AbortSignal.timeout(10_000));

const failures: Failure[] = [];
requestFailed.subscribe((message) => {
  const { requestId, error } = message;
  failures.push({ requestId, code: error.code });
});

const shutdown = onShutdown();
shutdown.signal.addEventListener('abort', () => {
  tellParent('draining');
  void gateway.drain(graceMs).then(() => {
    shutdown.release();
    tellParent('drained');
  });
});

const commands = {
  state: () => transport.state(),
  /** Failures since the last call. */
  failures: () => failures.splice(0),
  /** Applies a policy, as a reload does. */
  apply: (parts: Parameters<typeof testPolicy>[0]) => gateway.apply(testPolicy({ ...policyParts, ...parts })),
  close: () => gateway.close(),
};
serveParent({ port }, commands, { streams: MuxStream, sessions: Mux, tunnels: SecurePipe });
