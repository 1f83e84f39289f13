// A local app published through a bridge without a relay, and ways to call it over a tunnel.
import { once } from 'node:events';
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type RequestListener,
  type Server,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { Bridge, type BridgeOptions } from '../../src/expose/bridge.ts';
import type { ExposeEvent } from '../../src/expose/expose-event.ts';
import { parseTarget } from '../../src/expose/app/target.ts';
import { StreamPipe } from '../../src/http-client/stream-pipe.ts';
import { tunnelPair } from './tunnel-pair.ts';

export interface ExposedApp {
  readonly bridge: Bridge;
  readonly events: ExposeEvent[];
  readonly server: Server;
  readonly port: number;
  /** Opens a new tunnel for each call. Returns both ends. */
  tunnel(): { readonly client: Duplex; readonly app: Duplex };
}

export async function exposeApp(
  t: TestContext,
  serve: RequestListener,
  options: Partial<BridgeOptions> = {},
): Promise<ExposedApp> {
  const server = createServer(serve);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const events: ExposeEvent[] = [];
  const bridge = new Bridge({
    target: parseTarget(`127.0.0.1:${port}`),
    log: (event) => events.push(event),
    ...options,
  });
  t.after(async () => {
    await bridge.close();
    server.closeAllConnections();
    server.close();
  });
  return {
    bridge,
    events,
    server,
    port,
    tunnel: () => {
      const [client, end] = tunnelPair();
      bridge.accept(new StreamPipe(end));
      return { client, app: end };
    },
  };
}

export function raw(app: ExposedApp, message: string): Duplex {
  const { client } = app.tunnel();
  client.write(message, 'latin1');
  return client;
}

/** The whole HTTP response to a request with `Connection: close`. */
export async function responseTo(app: ExposedApp, message: string): Promise<string> {
  return (await buffer(raw(app, message))).toString('latin1');
}

interface CallOptions {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Record<string, string>;
  readonly body?: Readable;
  readonly over?: Duplex;
}

export async function call(app: ExposedApp, options: CallOptions = {}): Promise<IncomingMessage> {
  const { method = 'GET', path = '/', headers = {}, body, over } = options;
  const outgoing = httpRequest({
    createConnection: () => over ?? app.tunnel().client,
    method,
    path,
    headers: { host: 'caller.test', connection: 'keep-alive', ...headers },
  });
  if (body === undefined) outgoing.end();
  else body.pipe(outgoing);
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  return response;
}
