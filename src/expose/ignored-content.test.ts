import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { test } from 'node:test';
import { text } from 'node:stream/consumers';
import { call, exposeApp, raw } from '../../test/helpers/exposed-app.ts';
import { parseTarget } from './app/target.ts';

const smuggled = 'DELETE /smuggled HTTP/1.1\r\nHost: x\r\nX-Gateway-Key-Id: root\r\n\r\n';

for (const heedsClose of [true, false]) {
  const kind = heedsClose ? 'closes connections when asked to' : 'never closes a connection';
  test(`content of a GET never becomes another caller’s response: an app that ignores it and ${kind}`, async (t) => {
    const seen: string[] = [];
    const server = createServer((socket) => {
      t.after(() => socket.destroy());
      let unread = '';
      socket.on('error', () => undefined);
      socket.on('data', (chunk) => {
        unread += chunk.toString('latin1');
        for (let end = unread.indexOf('\r\n\r\n'); end !== -1; end = unread.indexOf('\r\n\r\n')) {
          const head = unread.slice(0, end);
          unread = unread.slice(end + 4);
          const [, path = ''] = head.split(' ');
          seen.push(path);
          socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${path.length}\r\n\r\n${path}`);
          if (heedsClose && head.includes('Connection: close')) {
            socket.end();
            return;
          }
        }
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => server.close());
    const { port } = server.address() as AddressInfo;
    const s = await exposeApp(t, () => undefined, { target: parseTarget(`127.0.0.1:${port}`) });
    const client = raw(s, `GET /first HTTP/1.1\r\nHost: x\r\nContent-Length: ${smuggled.length}\r\n\r\n${smuggled}`);
    let first = '';
    for await (const piece of client) if ((first += String(piece)).endsWith('/first')) break;
    for (const path of ['/second', '/third']) assert.equal(await text(await call(s, { path })), path);
    if (heedsClose) assert.deepEqual(seen, ['/first', '/second', '/third']);
  });
}
