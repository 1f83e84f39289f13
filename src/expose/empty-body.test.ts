// A body of zero bytes counts as no body, however the gateway announces it: Go's HTTP client sends
// chunks for bodies of unknown length.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import { test } from 'node:test';
import { responseTo, exposeApp, raw } from '../../test/helpers/exposed-app.ts';
import { readUntil } from '../../test/helpers/plain-gateway.ts';

const framing: RequestListener = ({ method = '', headers }, response) => {
  const { 'content-length': length, 'transfer-encoding': coding, trailer } = headers;
  response.end(`<${method} ${String(length)} ${String(coding)} ${String(trailer)}>`);
};

for (const [name, fields] of [
  ['Content-Length: 0', 'Content-Length: 0\r\n\r\n'],
  ['Content-Length: 000', 'CONTENT-LENGTH: 000\r\n\r\n'],
  ['an empty chunked body', 'Trailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
] as const) {
  test(`${name}: the app gets a GET without a body and a POST of length 0`, async (t) => {
    const app = await exposeApp(t, framing);
    for (const [method, seen] of [
      ['GET', '<GET undefined undefined undefined>'],
      ['DELETE', '<DELETE undefined undefined undefined>'],
      ['POST', '<POST 0 undefined undefined>'],
    ] as const) {
      const response = await responseTo(app, `${method} / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${fields}`);
      assert.ok(response.endsWith(seen), response);
    }
  });

  test(`${name}: a GET may be repeated, so it reuses a connection`, async (t) => {
    let connections = 0;
    const app = await exposeApp(t, (_, response) => response.end('<ok>'));
    app.server.on('connection', () => (connections += 1));
    const { client } = app.tunnel();
    for (let i = 0; i < 3; i += 1) {
      client.write(`GET / HTTP/1.1\r\nHost: x\r\n${fields}`);
      assert.match(await readUntil(client, '<ok>'), /^HTTP\/1\.1 200 /);
    }
    assert.equal(connections, 1);
  });
}

test('responds in order to requests that follow an empty chunked body', async (t) => {
  const app = await exposeApp(t, (request, response) => response.end(`<${request.url ?? ''}>`));
  const empty = 'Host: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n';
  const client = raw(app, `POST /1 HTTP/1.1\r\n${empty}GET /2 HTTP/1.1\r\n${empty}GET /3 HTTP/1.1\r\nHost: x\r\n\r\n`);
  assert.deepEqual((await readUntil(client, '</3>')).match(/<\/\d>/g), ['</1>', '</2>', '</3>']);
});

test('an empty chunked body with trailers counts as a body', async (t) => {
  const app = await exposeApp(t, (request, response) => {
    request.resume().once('end', () => response.end(`<${String(request.trailers['x-sum'])}>`));
  });
  const chunked = 'Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Sum: 5\r\n\r\n';
  assert.match(await responseTo(app, `POST / HTTP/1.1\r\nHost: x\r\n${chunked}`), /<5>/);
});

test('does not wait for a body that has not begun', async (t) => {
  const app = await exposeApp(t, (_, response) => response.end('<early>'));
  const client = raw(app, 'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n');
  assert.match(await readUntil(client, '<early>'), /^HTTP\/1\.1 200 /);
});

test('rejects a malformed chunk received together with the head, with the id of the request', async (t) => {
  const app = await exposeApp(t, (request, response) => {
    request
      .on('error', () => undefined)
      .resume()
      .once('end', () => response.end());
  });
  const head = 'POST / HTTP/1.1\r\nHost: x\r\nX-Request-ID: id-1\r\nTransfer-Encoding: chunked\r\n\r\n';
  const { client } = app.tunnel();
  client.end(`${head}nonsense\r\n`);
  assert.match(await readUntil(client, '}'), /^HTTP\/1\.1 400 [^]*"request_id":"id-1"/);
  await once(client.resume(), 'end');
});
