// Sloppy apps behind `expose`, whose faults real HTTP clients tolerate: they close connections
// without notice and send bytes after responses. No request may fail because of that.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { Bridge } from '../../src/expose/bridge.ts';
import type { ExposeEvent } from '../../src/expose/expose-event.ts';
import { parseTarget } from '../../src/expose/app/target.ts';
import { HttpConnection } from '../../src/http-client/client-connection.ts';
import { StreamPipe } from '../../src/http-client/stream-pipe.ts';
import { turnCpuOf } from '../helpers/turn-cpu.ts';
import { tunnelPair } from '../helpers/tunnel-pair.ts';

interface Careless {
  readonly bridge: Bridge;
  readonly events: ExposeEvent[];
  /**
   * Sends requests one after the other over each of `lanes` tunnels. Resolves with the status and
   * body length of each response.
   */
  readonly run: (request: string, lanes: number, each: number) => Promise<readonly (readonly [number, number])[]>;
}

async function careless(t: TestContext, response: (socket: Socket, path: string) => void): Promise<Careless> {
  const server = createServer((socket) => {
    let received = '';
    socket
      .on('error', () => undefined)
      .on('data', (chunk: Buffer) => {
        received += chunk.toString('latin1');
        if (!/\r\n\r\n(?:body)?$/.test(received)) return;
        const [, path = ''] = received.split(' ');
        received = '';
        response(socket, path);
      });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const events: ExposeEvent[] = [];
  const bridge = new Bridge({
    target: parseTarget(`127.0.0.1:${(server.address() as AddressInfo).port}`),
    log: (event) => events.push(event),
  });
  t.after(async () => {
    await bridge.close();
    server.close();
  });
  return {
    bridge,
    events,
    run: async (request, lanes, each) => {
      const results = await Promise.all(Array.from({ length: lanes }, () => lane(bridge, request, each)));
      return results.flat();
    },
  };
}

async function lane(bridge: Bridge, request: string, each: number): Promise<[number, number][]> {
  const [client, end] = tunnelPair();
  bridge.accept(new StreamPipe(end));
  const http = new HttpConnection(new StreamPipe(client), {
    idle: () => undefined,
    excess: () => undefined,
    lost: () => undefined,
  });
  const results: [number, number][] = [];
  const head = Buffer.from(request, 'latin1');
  const [method = ''] = request.split(' ');
  for (let i = 0; i < each; i += 1) {
    const result = await new Promise<[number, number]>((resolve) => {
      let status = 0;
      let bytes = 0;
      http.send(
        { method, head, body: undefined, offeredProtocols: '' },
        {
          uploading: () => undefined,
          uploaded: () => undefined,
          informational: () => undefined,
          head: (response) => {
            status = response.status;
          },
          data: (chunk) => {
            bytes += chunk.length;
            return true;
          },
          end: () => {
            // Not within this callback: only after it may the connection carry the next request.
            setImmediate(resolve, [status, bytes]);
          },
          upgrade: () => {
            resolve([101, 0]);
          },
          fail: () => {
            resolve([-1, bytes]);
          },
        },
      );
    });
    results.push(result);
    if (!http.usable) break;
  }
  client.destroy();
  return results;
}

const post = 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody';
const get = 'GET /204 HTTP/1.1\r\nHost: x\r\n\r\n';
const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

test('none of 2,000 POSTs fails to an app that closes each connection shortly after its response', async (t) => {
  const app = await careless(t, (socket) => {
    socket.write(ok);
    setTimeout(() => socket.end(), 1);
  });
  const results = await app.run(post, 8, 250);
  assert.equal(results.length, 2_000);
  assert.ok(results.every(([status]) => status === 200));
  assert.deepEqual(app.events, []);
});

test('none of 2,000 GETs to such an app fails either', async (t) => {
  const app = await careless(t, (socket) => {
    socket.write(ok);
    setTimeout(() => socket.end(), 1);
  });
  const results = await app.run(get, 8, 250);
  assert.equal(results.length, 2_000);
  assert.ok(results.every(([status]) => status === 200));
});

for (const when of ['with it', 'a moment later'] as const) {
  test(`forwards 1,000 responses of 204, although content follows ${when}`, async (t) => {
    const app = await careless(t, (socket) => {
      socket.write(`HTTP/1.1 204 No Content\r\n\r\n${when === 'with it' ? '{}' : ''}`);
      if (when === 'a moment later') setImmediate(() => socket.write('{}'));
    });
    const results = await app.run(get, 4, 250);
    assert.equal(results.length, 1_000);
    assert.ok(results.every(([status, bytes]) => status === 204 && bytes === 0));
    assert.ok(app.events.every(({ type }) => type === 'target_excess'));
    if (when === 'with it') assert.equal(app.events.length, 1_000);
  });
}

test('a response in 300,000 one-byte chunks blocks the loop only briefly and leaves in larger chunks', async (t) => {
  const chunks = 300_000;
  const body = Buffer.from('1\r\nx\r\n'.repeat(chunks) + '0\r\n\r\n');
  const app = await careless(t, (socket) => {
    socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
    socket.write(body);
  });
  let results: readonly (readonly [number, number])[] = [];
  const { maxMs } = await turnCpuOf(async () => {
    results = await app.run(get, 1, 1);
  });
  assert.deepEqual(results, [[200, chunks]]);
  t.diagnostic(`the longest stretch: ${maxMs.toFixed(1)} ms`);
  assert.ok(maxMs < 50, `the loop was held for ${maxMs.toFixed(1)} ms`);
});
