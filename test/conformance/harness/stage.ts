// Sets up a gateway, an app peer and a separate lease for each row, so that rows can run in
// parallel. The two kinds of app peer differ only in the path to the app: plain TCP, or our relay
// and its tunnels.
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { createGateway, type GatewayOptions } from '../../../src/gateway/gateway.ts';
import type { LeasePolicy } from '../../../src/policy/policy.ts';
import { createCredential, RelayClient } from '../../../src/portal/index.ts';
import { createRelay } from '../../../src/relay/relay.ts';
import type { Transport } from '../../../src/upstream/transport.ts';
import { createTransport } from '../../../src/upstream/create-transport.ts';
import { PlainTransport } from '../../helpers/plain-transport.ts';
import { key, testLease, testPolicy } from '../../helpers/policy.ts';
import type { Row } from '../row.ts';
import type { SetupParts } from '../setups.ts';
import { RawApp } from './raw-app.ts';
import type { Staged } from './run-row.ts';
import { Scene } from './scene.ts';

export type AppPeer = 'plain' | 'tunnel';

interface Published {
  readonly name: string;
  readonly accept: (stream: Duplex) => void;
}

interface Way {
  readonly transport: Transport;
  /** In the order in which the leases were published. */
  readonly ids: readonly string[];
  readonly close: () => Promise<void>;
}

export interface Stage {
  readonly port: number;
  readonly rows: readonly Staged[];
  readonly close: () => Promise<void>;
}

export async function openStage(
  rows: readonly Row[],
  { policy, gateway: parts, preface = '' }: SetupParts,
  peer: AppPeer,
  more: Partial<GatewayOptions>,
): Promise<Stage> {
  const leases: Record<string, LeasePolicy> = {};
  const casts = rows.map((row, i) => {
    const lease = `r${String(i).padStart(3, '0')}`;
    const name = row.leaseName ?? lease;
    if (row.lease !== undefined) leases[name] = { ...plainLease, ...row.lease };
    const scene = new Scene();
    return { row, lease, name, scene, app: new RawApp(filled(row.app?.responses ?? [], { '@app': lease }), scene) };
  });
  const publish = peer === 'plain' ? publishPlainly : publishOverTunnels;
  const way = await publish(casts.map(({ name, app }) => ({ name, accept: app.accept })));
  const gateway = createGateway({
    host: '127.0.0.1',
    port: 0,
    policy: testPolicy({ ...policy, leases }),
    transports: [way.transport],
    ...parts,
    ...more,
  });
  const { port } = await gateway.listen();
  const staged = casts.map(({ row, lease, scene, app }, i): Staged => {
    const id = way.ids[i] ?? '';
    return { row: filled(row, { '@app': lease, '@id': id, '@key': key }), app, scene, id, key, preface };
  });
  return {
    port,
    rows: staged,
    close: async () => {
      await gateway.close();
      await way.close();
    },
  };
}

const plainLease = testLease();

/** Replaces every placeholder in the strings of a value. */
function filled<T>(value: T, placeholders: Readonly<Record<string, string>>): T {
  return JSON.parse(JSON.stringify(value), (_, part: unknown) => {
    if (typeof part !== 'string') return part;
    return part.replaceAll(/@(app|id|key)/g, (found) => placeholders[found] ?? found);
  }) as T;
}

async function publishPlainly(apps: readonly Published[]): Promise<Way> {
  const ids = apps.map(() => createCredential().id);
  const servers = apps.map(({ accept }) => createServer({ allowHalfOpen: true }, accept).listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const transport = new PlainTransport(
    apps.map(({ name }, i) => ({
      name,
      port: (servers[i]?.address() as AddressInfo).port,
      ...(ids[i] !== undefined && { id: ids[i] }),
    })),
  );
  return {
    transport,
    ids,
    close: () => {
      for (const server of servers) server.close();
      return Promise.resolve();
    },
  };
}

async function publishOverTunnels(apps: readonly Published[]): Promise<Way> {
  const relay = createRelay({ port: 0, identity: createCredential(), limits: { leasesPerConnection: 4_096 } });
  const { url } = await relay.listen();
  let missing = apps.length;
  const { promise: allPublished, resolve, reject } = Promise.withResolvers<undefined>();
  const client = new RelayClient({
    url,
    credential: createCredential(),
    log: (event) => {
      if (event.type === 'publish_failed') reject(event.error);
      if (event.type === 'published' && (missing -= 1) === 0) resolve(undefined);
    },
  });
  const ids = apps.map(({ name, accept }) => {
    const credential = createCredential();
    const tunnels = client.listen({ name, credential, alpn: ['http/1.1'] });
    void (async () => {
      for await (const tunnel of tunnels) accept(tunnel);
    })();
    return credential.id;
  });
  await allPublished;
  const transport = createTransport({ url, credential: createCredential() });
  await transport.ready(AbortSignal.timeout(10_000));
  return {
    transport,
    ids,
    close: async () => {
      await client.close();
      await relay.close();
    },
  };
}
