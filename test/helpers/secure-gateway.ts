// A gateway with TLS in front of a local app, and clients that speak HTTP/2 to it.
import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import {
  connect as connectHttp2,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type IncomingHttpHeaders,
  type IncomingHttpStatusHeader,
  type OutgoingHttpHeaders,
  type SecureClientSessionOptions,
} from 'node:http2';
import { buffer } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { certificate, tlsSettings } from './certificates.ts';
import type { Fields } from './http2-frames.ts';
import { RawHttp2 } from './http2-raw.ts';
import { key, startPlainGateway, type PlainGateway } from './plain-gateway.ts';

type Options = NonNullable<Parameters<typeof startPlainGateway>[2]>;

export interface SecureGateway extends PlainGateway {
  /** Opens a TLS connection and waits for its handshake. Default server: `localhost`. */
  readonly dial: (options?: ConnectionOptions) => Promise<TLSSocket>;
  /** A session of Node's client. */
  readonly session: (options?: SecureClientSessionOptions) => Promise<ClientHttp2Session>;
  /** A client that writes frames itself, after the exchange of SETTINGS. */
  readonly raw2: (settings?: Buffer) => Promise<RawHttp2>;
}

export async function startSecureGateway(
  t: TestContext,
  serve: RequestListener,
  options: Options = {},
): Promise<SecureGateway> {
  const opened: { destroy(): void }[] = [];
  const listener = { tls: tlsSettings(), ...options.listener };
  const plain = await startPlainGateway(t, serve, { ...options, listener });
  t.after(() => {
    for (const one of opened) one.destroy();
  });
  const trusting: ConnectionOptions = {
    host: '127.0.0.1',
    port: plain.port,
    ca: certificate.cert,
    servername: 'localhost',
  };

  async function dial(more: ConnectionOptions = {}): Promise<TLSSocket> {
    const socket = connectTls({ ...trusting, ...more });
    opened.push(socket);
    await once(socket, 'secureConnect');
    return socket.on('error', () => undefined);
  }

  return {
    ...plain,
    dial,
    session: async (options) => {
      const session = connectHttp2(`https://127.0.0.1:${plain.port}`, {
        ca: certificate.cert,
        servername: 'localhost',
        ...options,
      });
      opened.push(session);
      await once(session, 'connect');
      return session.on('error', () => undefined);
    },
    raw2: async (settings) => new RawHttp2(await dial({ ALPNProtocols: ['h2'] })).greet(settings),
  };
}

/** The fields of a request to an app, with the key. */
export function get(path = '/', more: Fields = [], method = 'GET', lease = 'app'): Fields {
  const pseudo = [
    [':method', method],
    [':scheme', 'https'],
    [':authority', 'localhost'],
    [':path', `/peer/${lease}${path}`],
  ] as const;
  return [...pseudo, ['x-api-key', key], ...more];
}

export interface Http2Response {
  readonly head: IncomingHttpHeaders & IncomingHttpStatusHeader;
  readonly informational: readonly (IncomingHttpHeaders & IncomingHttpStatusHeader)[];
  readonly trailers: IncomingHttpHeaders | undefined;
  readonly body: Buffer;
}

/** The stream of a request to the app. The caller observes its errors. */
export function ask(session: ClientHttp2Session, path: string, headers: OutgoingHttpHeaders = {}): ClientHttp2Stream {
  const all = { ':path': `/peer/app${path}`, 'x-api-key': key, ...headers };
  const isBodyless = headers[':method'] === undefined || headers[':method'] === 'HEAD';
  return session.request(all, { endStream: isBodyless }).on('error', () => undefined);
}

/** The whole response; rejects when it is truncated. */
export async function responseOf(stream: ClientHttp2Stream): Promise<Http2Response> {
  const informational: Http2Response['head'][] = [];
  let trailers: IncomingHttpHeaders | undefined;
  stream.on('headers', (fields) => informational.push(fields));
  stream.on('trailers', (fields) => {
    trailers = fields;
  });
  const [head] = (await once(stream, 'response')) as [Http2Response['head']];
  const body = await buffer(stream);
  return { head, informational, trailers, body };
}

/** The code of a problem response. */
export function problemCode({ body }: { readonly body: Buffer }): string {
  return (JSON.parse(body.toString()) as { readonly code: string }).code;
}
