// Sends very many requests of each kind on one HTTP/2 connection, and serves them with an app.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import type { ClientHttp2Session, ClientHttp2Stream, ClientSessionOptions, OutgoingHttpHeaders } from 'node:http2';
import { duplexPair, type Duplex } from 'node:stream';
import type { TestContext } from 'node:test';
import { tunnelOver } from './plain-transport.ts';
import { ask, startSecureGateway, type SecureGateway } from './secure-gateway.ts';

/** A kind of request, and the response that the client must receive. */
export interface ManyKind {
  readonly name: string;
  readonly path: string;
  readonly headers: OutgoingHttpHeaders;
  /** Sent in two pieces. Undefined: no content. */
  readonly body: Buffer | undefined;
  readonly status: number;
  /** Bytes of the response. Undefined: not checked. */
  readonly received: number | undefined;
}

/**
 * When the server closes a stream, Node’s client never releases the bytes it buffered for that
 * stream from the session's memory limit.
 */
const roomy: ClientSessionOptions = { maxSessionMemory: 10_000 };

/**
 * Fits a stream’s window: curl 7.88 hangs when a response ends an upload that waits for more
 * window.
 */
const maxBodyBytes = 16 * 1024;

const small = Buffer.alloc(2_000, 's');
const large = Buffer.alloc(maxBodyBytes, 'l');
const tooLarge = Buffer.alloc(maxBodyBytes + 2, 't');
const post = { ':method': 'POST' };

function kind(name: string, path: string, body?: Buffer, more: Partial<ManyKind> = {}): ManyKind {
  return { name, path, headers: body === undefined ? {} : post, body, status: 200, received: small.length, ...more };
}

function sized(body: Buffer): OutgoingHttpHeaders {
  return { ...post, 'content-length': String(body.length) };
}

export const manyKinds: readonly ManyKind[] = [
  kind('GET', '/small'),
  kind('POST with a length', '/echo', small, { headers: sized(small) }),
  kind('POST without a length', '/echo', small),
  kind('both directions at once', '/duplex', small),
  kind('a response before the body', '/early', large),
  kind('413 by the length', '/echo', tooLarge, { headers: sized(tooLarge), status: 413, received: undefined }),
  kind('413 within the body', '/echo', tooLarge, { status: 413, received: undefined }),
];

/** Uses tunnels in memory: that many TCP connections would exhaust the machine’s ports. */
export async function startMany(t: TestContext): Promise<SecureGateway> {
  const gateway = await startSecureGateway(t, serve, { policy: { limits: { maxBodyBytes } } });
  gateway.transport.dialInstead = () => {
    const [near, far] = duplexPair();
    closeTogether(near, far);
    gateway.app.emit('connection', far);
    return Promise.resolve(tunnelOver(near));
  };
  return gateway;
}

function closeTogether(...ends: readonly [Duplex, Duplex]): void {
  for (const end of ends) {
    end
      .on('error', () => undefined)
      .once('close', () => {
        for (const other of ends) other.destroy();
      });
  }
}

/**
 * `/echo` responds once it has the body, `/duplex` as the body arrives, `/early` and `/small`
 * without reading it.
 */
const serve: RequestListener = (request, response) => {
  request.on('error', () => undefined);
  if (request.url === '/duplex') {
    response.flushHeaders();
    request.pipe(response);
  } else if (request.url === '/echo') {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => response.end(Buffer.concat(pieces)));
  } else response.end(small);
};

/**
 * Sends the requests with Node’s client on one session, several at a time. Rejects when one fails
 * or the session gets GOAWAY.
 */
export async function askMany(gateway: SecureGateway, kind: ManyKind, count: number): Promise<void> {
  const session = await gateway.session(roomy);
  const atOnce = 20;
  let left = count;
  let goaway: number | undefined;
  session.on('goaway', (code: number) => {
    goaway = code;
  });
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (left > 0) {
        left -= 1;
        const { status, received } = await askOne(session, kind).catch((cause: unknown) => {
          throw new Error(`${kind.name}: failed with ${left} left, GOAWAY ${String(goaway)}`, { cause });
        });
        assert.equal(status, kind.status, kind.name);
        if (kind.received !== undefined) assert.equal(received, kind.received, kind.name);
      }
    }),
  );
  assert.deepEqual([goaway, session.closed], [undefined, false], kind.name);
}

async function askOne(
  session: ClientHttp2Session,
  { path, headers, body }: ManyKind,
): Promise<{ status: number | undefined; received: number }> {
  const stream: ClientHttp2Stream = ask(session, path, headers);
  let received = 0;
  stream.on('data', (piece: Buffer) => {
    received += piece.length;
  });
  const ended = once(stream, 'end');
  // Waiting for the head first would miss an end that arrives together with it.
  ended.catch(() => undefined);
  if (body !== undefined) {
    stream.write(body.subarray(0, body.length / 2));
    stream.end(body.subarray(body.length / 2));
  }
  const [head] = (await once(stream, 'response')) as [{ ':status'?: number }];
  await ended;
  return { status: head[':status'], received };
}
