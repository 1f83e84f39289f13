// A whole gateway in front of a local app, joined by plain TCP instead of a relay, and ways to call
// it.
import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import type { KeyDigests } from '../../src/auth/key-digests.ts';
import { createGateway, type Gateway, type GatewayOptions } from '../../src/gateway/gateway.ts';
import type { Limiter } from '../../src/limits/limiter.ts';
import type { QuotaLedger } from '../../src/limits/quotas/quota-ledger.ts';
import type { Clock } from '../../src/kernel/clock.ts';
import type { Policy } from '../../src/policy/policy.ts';
import type { PoolLimits } from '../../src/upstream/tunnel-pool.ts';
import { PlainTransport } from './plain-transport.ts';
import { key, testPolicy } from './policy.ts';

export { key };

interface Options {
  readonly policy?: Parameters<typeof testPolicy>[0];
  readonly timeouts?: Partial<Policy['timeouts']>;
  readonly pool?: Partial<PoolLimits>;
  readonly clock?: Clock;
  readonly quotas?: QuotaLedger;
  readonly limiter?: Limiter;
  readonly keyDigests?: KeyDigests;
  /** Options that are not part of the policy. */
  readonly listener?: Pick<
    GatewayOptions,
    'admin' | 'maxHeaderBytes' | 'metrics' | 'proxyProtocol' | 'sessions' | 'tls' | 'version' | 'writeRateWindowMs'
  >;
}

interface Call {
  readonly method?: string;
  readonly headers?: readonly string[];
  readonly body?: string | Readable;
}

export interface ReceivedResponse {
  readonly status: number;
  readonly message: IncomingMessage;
  readonly text: string;
}

export interface PlainGateway {
  readonly gateway: Gateway;
  readonly transport: PlainTransport;
  readonly app: Server;
  readonly port: number;
  /** Resolves with the response head; the caller reads the body. */
  readonly open: (path: string, call?: Call) => Promise<IncomingMessage>;
  readonly call: (path: string, call?: Call) => Promise<ReceivedResponse>;
  /** A connection on which the caller writes HTTP itself; sends `text` at once. */
  readonly raw: (text: string) => Socket;
}

export const auth: readonly string[] = ['X-API-Key', key];

/** Publishes the app as `app`. */
export async function startPlainGateway(
  t: Pick<TestContext, 'after'>,
  serve: RequestListener,
  options: Options = {},
): Promise<PlainGateway> {
  const app = createServer(serve);
  app.listen(0, '127.0.0.1');
  await once(app, 'listening');
  const transport = new PlainTransport([{ name: 'app', port: (app.address() as AddressInfo).port }]);
  const gateway = createGateway({
    host: '127.0.0.1',
    port: 0,
    policy: testPolicy({
      ...options.policy,
      timeouts: { dialMs: 5_000, responseHeadersMs: 5_000, bodyIdleMs: 5_000, ...options.timeouts },
    }),
    transports: [transport],
    ...(options.pool !== undefined && { pool: options.pool }),
    ...(options.clock !== undefined && { clock: options.clock }),
    ...(options.quotas !== undefined && { quotas: options.quotas }),
    ...(options.limiter !== undefined && { limiter: options.limiter }),
    ...(options.keyDigests !== undefined && { keyDigests: options.keyDigests }),
    ...options.listener,
  });
  const { port } = await gateway.listen();
  const sockets = new Set<Socket>();
  t.after(async () => {
    for (const socket of sockets) socket.destroy();
    await gateway.close();
    app.closeAllConnections();
    app.close();
  });

  async function open(path: string, { method = 'GET', headers = auth, body }: Call = {}): Promise<IncomingMessage> {
    const framing = headers.some((name) => /^(content-length|transfer-encoding)$/i.test(name));
    const all = [...headers, 'Host', `127.0.0.1:${port}`];
    if (typeof body === 'string' && !framing) all.push('Content-Length', String(Buffer.byteLength(body)));
    if (body !== undefined && typeof body !== 'string' && !framing) all.push('Transfer-Encoding', 'chunked');
    const outgoing = request({ host: '127.0.0.1', port, path, method, headers: all, agent: false });
    outgoing.on('socket', (socket) => sockets.add(socket));
    if (body === undefined || typeof body === 'string')
      outgoing.end(body === undefined ? undefined : Buffer.from(body));
    else body.pipe(outgoing);
    const [message] = (await once(outgoing, 'response')) as [IncomingMessage];
    outgoing.on('error', () => undefined);
    return message;
  }

  return {
    gateway,
    transport,
    app,
    port,
    open,
    call: async (path, call) => {
      const message = await open(path, call);
      return { status: message.statusCode ?? 0, message, text: (await buffer(message)).toString() };
    },
    raw: (text) => {
      const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.write(text, 'latin1');
      return socket;
    },
  };
}

/** Reads until the text has arrived. */
export async function readUntil(socket: Readable, text: string): Promise<string> {
  let received = '';
  for await (const chunk of socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    received += chunk.toString('latin1');
    if (received.includes(text)) break;
  }
  return received;
}
