// A gateway as a process of its own, for the test that started it.
import { createGateway } from '../../../src/gateway.ts';
import { createCredential } from '../../../src/portal/identity.ts';
import type { Timeouts } from '../../../src/policy/policy.ts';
import type { RelayClientOptions } from '../../../src/portal/relay-client.ts';
import { SecureChannel } from '../../../src/portal/secure/channel.ts';
import { MuxStream } from '../../../src/portal/yamux/mux-stream.ts';
import { Mux } from '../../../src/portal/yamux/session.ts';
import type { PoolLimits } from '../../../src/upstream/tunnel-pool.ts';
import { createV1Transport } from '../../../src/upstream/v1-transport.ts';
import { testPolicy } from '../policy.ts';
import { serveParent, settings, tellParent } from './parent.ts';

export interface GatewaySettings extends Pick<RelayClientOptions, 'keepalive'> {
  readonly relayUrl: string;
  readonly pool?: Partial<PoolLimits>;
  readonly timeouts?: Partial<Timeouts>;
}

const { relayUrl, pool, timeouts, keepalive } = settings as GatewaySettings;
const transport = createV1Transport({
  url: relayUrl,
  credential: createCredential(),
  ...(keepalive !== undefined && { keepalive }),
  log: (event) => {
    tellParent(event.type);
  },
});
const gateway = createGateway({
  host: '127.0.0.1',
  port: 0,
  policy: testPolicy({
    timeouts: { dialMs: 5_000, responseHeadersMs: 60_000, bodyIdleMs: 60_000, ...timeouts },
    limits: { maxConnections: 100_000, maxConnectionsPerIp: 100_000, maxInFlight: 100_000, maxStreams: 100_000 },
  }),
  transports: [transport],
  ...(pool !== undefined && { pool }),
});
const { port } = await gateway.listen();
await transport.ready(AbortSignal.timeout(10_000));

const commands = { state: () => transport.state(), close: () => gateway.close() };
serveParent({ port }, commands, { streams: MuxStream, sessions: Mux, tunnels: SecureChannel });
