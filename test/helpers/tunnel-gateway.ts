// The whole path in one process: an app published on our relay, a gateway with a session to it, and
// calls through both.
import { once } from 'node:events';
import { Agent, createServer, request, type IncomingMessage, type RequestListener } from 'node:http';
import type { Duplex } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { createGateway, type Gateway } from '../../src/gateway/gateway.ts';
import { createCredential, RelayClient } from '../../src/portal/index.ts';
import { createTransport } from '../../src/upstream/create-transport.ts';
import type { ReceivedResponse } from './plain-gateway.ts';
import { key, testPolicy } from './policy.ts';
import { startRelay } from './published-demo.ts';

export interface TunnelGateway {
  readonly gateway: Gateway;
  readonly port: number;
  /** The id of the app's lease. */
  readonly leaseId: string;
  /** `headers`: alternating names and values. */
  readonly call: (
    path: string,
    call?: { readonly method?: string; readonly headers?: readonly string[] },
  ) => Promise<ReceivedResponse>;
}

export interface TunnelGatewayOptions {
  readonly policy?: Parameters<typeof testPolicy>[0];
  readonly name?: string;
  /** Receives each tunnel in place of the server of `serve`. */
  readonly accept?: (tunnel: Duplex) => void;
}

export async function startTunnelGateway(
  t: TestContext,
  serve: RequestListener,
  options: TunnelGatewayOptions = {},
): Promise<TunnelGateway> {
  const app = createServer(serve);
  const { url } = await startRelay(t);
  const { promise: published, resolve } = Promise.withResolvers<undefined>();
  const client = new RelayClient({
    url,
    credential: createCredential(),
    log: ({ type }) => {
      if (type === 'published') resolve(undefined);
    },
  });
  const lease = createCredential();
  const tunnels = client.listen({ name: options.name ?? 'app', credential: lease, alpn: ['http/1.1'] });
  void (async () => {
    for await (const tunnel of tunnels) {
      if (options.accept === undefined) app.emit('connection', tunnel);
      else options.accept(tunnel);
    }
  })();
  await published;
  const transport = createTransport({ url, credential: createCredential() });
  await transport.ready(AbortSignal.timeout(10_000));
  const policy = testPolicy(options.policy);
  const gateway = createGateway({ host: '127.0.0.1', port: 0, policy, transports: [transport] });
  const { port } = await gateway.listen();
  const agent = new Agent({ keepAlive: true });
  t.after(async () => {
    agent.destroy();
    await gateway.close();
    await client.close();
    app.closeAllConnections();
  });
  return {
    gateway,
    port,
    leaseId: lease.id,
    call: async (path, { method = 'GET', headers = ['X-API-Key', key] } = {}) => {
      const all = [...headers, 'Host', `127.0.0.1:${port}`];
      const outgoing = request({ host: '127.0.0.1', port, path, method, headers: all, agent });
      outgoing.end();
      const [message] = (await once(outgoing, 'response')) as [IncomingMessage];
      return { status: message.statusCode ?? 0, message, text: (await buffer(message)).toString() };
    },
  };
}
