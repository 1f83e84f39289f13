// Ordinary requests with bodies, many on one HTTP/2 connection: none is hostile, and none may end
// the connection.
import { once } from 'node:events';
import { connect, type ClientHttp2Session } from 'node:http2';
import type { Duplex } from 'node:stream';
import { dialTls } from '../clients.ts';
import type { Load, LoadContext } from '../load.ts';
import { onRequest } from '../raw-app.ts';

const lease = 'uploads';
const body = Buffer.alloc(1_024, 'b');
const kinds = ['get', 'length', 'chunked', 'early'] as const;
type Kind = (typeof kinds)[number];

export const load: Load = {
  name: 'http2-bodies',
  rate: '40 requests/s, 8 at once, on one connection: without body, with a length, without one, responded to early',
  async start(context) {
    const { random, count, broken, signal: runs } = context;
    // The body is dropped unread, so the response may come before or after the end of the body.
    await context.publish(lease, (tunnel: Duplex) => {
      onRequest(tunnel, (target) => {
        const respond = (): void => void tunnel.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
        if (target === '/early') respond();
        else setTimeout(respond, 5);
      });
      tunnel.on('end', () => tunnel.end());
    });
    let session: Promise<ClientHttp2Session> | undefined;
    context.every({ perSecond: 40, atOnce: 8, timeoutMs: 20_000 }, async (signal) => {
      session ??= open(context, () => {
        session = undefined;
        if (!runs.aborted) broken('ordinary requests with bodies end no HTTP/2 connection');
      });
      const kind = random.pick(kinds);
      count(`${kind} ${await send(await session, context, kind, signal)}`);
    });
  },
};

async function open(context: LoadContext, lost: () => void): Promise<ClientHttp2Session> {
  // Stays open until the run ends.
  const socket = await dialTls(context, { localAddress: context.address(), alpn: 'h2' }, context.signal).catch(
    (error: unknown) => {
      lost();
      throw error;
    },
  );
  const session = connect('https://localhost', { createConnection: () => socket });
  context.count('connections');
  session.on('error', () => undefined).once('close', lost);
  return session;
}

async function send(
  session: ClientHttp2Session,
  { key }: LoadContext,
  kind: Kind,
  signal: AbortSignal,
): Promise<number> {
  const stream = session.request(
    {
      ':method': kind === 'get' ? 'GET' : 'POST',
      ':path': `/peer/${lease}/${kind}`,
      'x-gateway-key': key,
      ...(kind === 'length' && { 'content-length': body.length }),
    },
    { endStream: kind === 'get', signal },
  );
  stream.on('error', () => undefined);
  if (kind !== 'get') stream.end(body);
  const [fields] = (await once(stream, 'response', { signal })) as [Record<string, number>];
  stream.resume();
  await once(stream, 'close', { signal });
  return fields[':status'] ?? 0;
}
