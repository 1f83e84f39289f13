// The caller of an app behind `expose` when the app ends, resets or sends too much at any byte of
// its response: exactly one outcome each.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { Bridge } from '../../src/expose/bridge.ts';
import { parseTarget } from '../../src/expose/app/target.ts';
import { HttpConnection } from '../../src/http-client/client-connection.ts';
import { StreamPipe } from '../../src/http-client/stream-pipe.ts';
import { tunnelPair } from '../helpers/tunnel-pair.ts';

/** What the app does after it has sent part of the response. */
type Act = 'end' | 'reset' | 'rest' | 'excess';

interface Framed {
  readonly name: string;
  readonly head: string;
  readonly body: string;
  /** The body as the caller receives it. */
  readonly content: string;
  /** The number of content characters within this many bytes of the body. */
  readonly contentIn: (bodyBytes: number) => number;
  readonly endsByClose?: boolean;
}

const responses: readonly Framed[] = [
  {
    name: 'a length',
    head: 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n',
    body: 'hello',
    content: 'hello',
    contentIn: (bytes) => bytes,
  },
  {
    name: 'chunks',
    head: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
    body: '5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n',
    content: 'hello',
    contentIn: (bytes) => Math.min(5, Math.max(0, bytes - 3)),
  },
  {
    name: 'the end of the connection',
    head: 'HTTP/1.1 200 OK\r\n\r\n',
    body: 'hello',
    content: 'hello',
    contentIn: (bytes) => bytes,
    endsByClose: true,
  },
  { name: 'none', head: 'HTTP/1.1 204 No Content\r\n\r\n', body: '', content: '', contentIn: () => 0 },
];

const requests: Readonly<Record<string, string>> = {
  GET: 'GET /x HTTP/1.1\r\nHost: x\r\n\r\n',
  'POST with a length': 'POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody',
  'POST in chunks': 'POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n',
  upgrade: 'GET /x HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n',
};

/** Tells the app how many bytes to send and what to do then. */
interface Plan {
  sent: Buffer;
  act: Act;
  rest: Buffer;
}

async function startApp(t: TestContext, plan: Plan): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket);
    let received = '';
    socket
      .on('error', () => undefined)
      .on('close', () => sockets.delete(socket))
      .on('end', () => socket.end())
      .on('data', (chunk: Buffer) => {
        received += chunk.toString('latin1');
        const whole = received.startsWith('GET') ? /\r\n\r\n$/ : /(?:\r\n\r\nbody|\r\n0\r\n\r\n)$/;
        if (!whole.test(received)) return;
        received = '';
        socket.write(plan.sent, () => {
          finish(socket, plan);
        });
      });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

function finish(socket: Socket, { act, rest }: Plan): void {
  if (act === 'end') socket.end();
  else if (act === 'reset') socket.resetAndDestroy();
  else setImmediate(() => socket.write(rest));
}

/** `200 "hello"`, `200 "he" cut`, or `502 code`. */
function callOver(bridge: Bridge, request: string): Promise<string> {
  const [client, end] = tunnelPair();
  bridge.accept(new StreamPipe(end));
  return new Promise((resolve) => {
    let status = 0;
    let type = '';
    let body = '';
    const http = new HttpConnection(new StreamPipe(client), {
      idle: () => client.destroy(),
      excess: () => {
        resolve('excess');
      },
      lost: () => undefined,
    });
    const [method = ''] = request.split(' ');
    const offeredProtocols = request.includes('Upgrade: echo') ? 'echo' : '';
    http.send(
      { method, head: Buffer.from(request, 'latin1'), body: undefined, offeredProtocols },
      {
        uploading: () => undefined,
        uploaded: () => undefined,
        informational: () => undefined,
        head: (head) => {
          status = head.status;
          type = head.headers[head.headers.indexOf('Content-Type') + 1] ?? '';
        },
        data: (chunk) => {
          body += chunk.toString('latin1');
          return true;
        },
        end: () => {
          const code = type === 'application/problem+json' ? (JSON.parse(body) as { code: string }).code : '';
          resolve(`${status} ${code === '' ? JSON.stringify(body) : code}`);
        },
        upgrade: () => {
          resolve('101');
        },
        fail: ({ moment }) => {
          resolve(moment === 'body' ? `${status} ${JSON.stringify(body)} cut` : `lost ${moment}`);
        },
      },
    );
  });
}

function expected({ head, body, content, contentIn, endsByClose = false }: Framed, sent: number, act: Act): string {
  const status = head.slice(9, 12);
  const whole = `${status} ${JSON.stringify(content)}`;
  if (act === 'rest' || act === 'excess' || (sent === head.length + body.length && !endsByClose)) return whole;
  if (sent === 0) return '502 app_unreachable';
  if (sent < head.length) return '502 bad_app_response';
  const got = JSON.stringify(content.slice(0, contentIn(sent - head.length)));
  return endsByClose && act === 'end' ? `${status} ${got}` : `${status} ${got} cut`;
}

for (const framed of responses) {
  test(`faults at every point of a response framed by ${framed.name}`, async (t) => {
    const plan: Plan = { sent: Buffer.alloc(0), act: 'end', rest: Buffer.alloc(0) };
    const bridge = new Bridge({ target: parseTarget(`127.0.0.1:${await startApp(t, plan)}`) });
    t.after(() => bridge.close());
    const bytes = Buffer.from(framed.head + framed.body, 'latin1');
    const acts: readonly Act[] = framed.endsByClose === true ? ['end', 'reset'] : ['end', 'reset', 'rest', 'excess'];
    for (const [kind, request] of Object.entries(requests)) {
      for (const act of acts) {
        for (let sent = 0; sent <= bytes.length; sent += 1) {
          plan.sent = act === 'excess' ? bytes : bytes.subarray(0, sent);
          plan.act = act;
          plan.rest = act === 'excess' ? Buffer.from('x'.repeat(sent)) : bytes.subarray(sent);
          assert.equal(
            await callOver(bridge, request),
            expected(framed, sent, act),
            `${kind}, ${act} after ${sent} bytes`,
          );
        }
      }
    }
    // No tunnel remains open.
    while (bridge.openTunnels > 0) await new Promise((resolve) => setImmediate(resolve));
  });
}
