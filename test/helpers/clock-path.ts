// Relay, app and gateway in one process, each with a clock that the test controls, and calls
// through all of them.
import { once } from 'node:events';
import { createServer, request, type IncomingMessage } from 'node:http';
import { connect as connectTcp, createServer as createTcpServer, type AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { type Clock, systemClock } from '../../src/kernel/clock.ts';
import { createGateway } from '../../src/gateway/gateway.ts';
import { createCredential, RelayClient, type RelayClientEvent } from '../../src/portal/index.ts';
import type { RelayEvent } from '../../src/relay/relay-event.ts';
import { createRelay, type Relay } from '../../src/relay/relay.ts';
import { createTransport } from '../../src/upstream/create-transport.ts';
import { key, testPolicy } from './policy.ts';

/** Seconds that each clock is ahead of the correct time. Changes take effect at once. */
export interface Skews {
  relay: number;
  expose: number;
  gateway: number;
}

export interface ClockPath {
  readonly relay: Relay;
  readonly url: string;
  readonly relayEvents: readonly RelayEvent[];
  readonly exposeEvents: readonly RelayClientEvent[];
  readonly leaseId: string;
  /** Advances time at the relay alone, which expires leases there. */
  readonly pass: (seconds: number) => void;
  /** The status, and the code and detail of a problem. */
  readonly call: () => Promise<{ readonly status: number; readonly code?: string; readonly detail?: string }>;
}

export interface ClockPathOptions {
  /** Rewrites the relay's first response on a connection, as a proxy in front of it would. */
  readonly rewrite?: (head: string) => string;
  readonly renewEveryMs?: number;
}

export async function startClockPath(t: TestContext, skews: Skews, options: ClockPathOptions = {}): Promise<ClockPath> {
  const nowMs = (side: keyof Skews) => (): number => Date.now() + skews[side] * 1_000;
  const clockOf = (side: keyof Skews): Clock => ({ ...systemClock, wallMs: nowMs(side) });
  let passedMs = 0;
  const relayEvents: RelayEvent[] = [];
  const relay = createRelay({
    port: 0,
    clock: { monotonicMs: () => performance.now() + passedMs, wallMs: () => nowMs('relay')() + passedMs },
    log: (event) => relayEvents.push(event),
  });
  const { port: relayPort } = await relay.listen();
  t.after(() => relay.close());
  const port = options.rewrite === undefined ? relayPort : await startProxy(t, relayPort, options.rewrite);
  const url = `ws://127.0.0.1:${port}/relay`;

  const app = createServer((_request, response) => response.setHeader('connection', 'close').end('hello'));
  const exposeEvents: RelayClientEvent[] = [];
  const { promise: published, resolve } = Promise.withResolvers<undefined>();
  const reconnect = { initialMs: 20, maxMs: 50 };
  const expose = new RelayClient({
    ...{ url, reconnect, credential: createCredential(), clock: clockOf('expose') },
    ...(options.renewEveryMs !== undefined && { renewEveryMs: options.renewEveryMs }),
    log: (event) => {
      exposeEvents.push(event);
      if (event.type === 'published') resolve(undefined);
    },
  });
  const lease = createCredential();
  const tunnels = expose.listen({ name: 'app', credential: lease, alpn: ['http/1.1'] });
  void (async () => {
    for await (const tunnel of tunnels) app.emit('connection', tunnel);
  })();
  t.after(() => expose.close());
  await published;

  const transport = createTransport({ url, reconnect, credential: createCredential(), clock: clockOf('gateway') });
  await transport.ready(AbortSignal.timeout(20_000));
  const gateway = createGateway({ host: '127.0.0.1', port: 0, policy: testPolicy({}), transports: [transport] });
  t.after(() => gateway.close());
  const { port: gatewayPort } = await gateway.listen();
  const call: ClockPath['call'] = async () => {
    const headers = { 'x-api-key': key };
    const outgoing = request({ host: '127.0.0.1', port: gatewayPort, path: '/peer/app/', agent: false, headers }).end();
    const [message] = (await once(outgoing, 'response')) as [IncomingMessage];
    const body = await text(message);
    const status = message.statusCode ?? 0;
    if (status === 200) return { status };
    const { code, detail } = JSON.parse(body) as { code: string; detail: string };
    return { status, code, detail };
  };
  const pass = (seconds: number): void => {
    passedMs += seconds * 1_000;
  };
  return { relay, url, relayEvents, exposeEvents, leaseId: lease.id, pass, call };
}

async function startProxy(t: TestContext, target: number, rewrite: (head: string) => string): Promise<number> {
  const server = createTcpServer((client) => {
    const relay = connectTcp(target, '127.0.0.1');
    relay.once('data', (chunk: Buffer) => {
      client.write(rewrite(chunk.toString('latin1')), 'latin1');
      relay.pipe(client);
    });
    client.pipe(relay);
    for (const [one, other] of [
      [client, relay],
      [relay, client],
    ] as const) {
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}
