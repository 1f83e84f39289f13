import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { key, startPlainGateway } from '../helpers/plain-gateway.ts';
import { closed } from '../helpers/scripted-app.ts';

const host = `Host: x\r\nX-API-Key: ${key}\r\n`;

/** Fragments of requests, valid and invalid. */
const fragment = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('GET ', 'POST ', 'HEAD ', 'OPTIONS ', 'CONNECT ', 'TRACE ', 'PRI ', 'FOO ') },
  {
    weight: 6,
    arbitrary: fc.constantFrom('/peer/app/ok', '/health', '/', '*', 'http://x/peer/app/ok', '//', '/a#b', ' '),
  },
  {
    weight: 6,
    arbitrary: fc.constantFrom(' HTTP/1.1\r\n', ' HTTP/1.0\r\n', ' HTTP/0.9\r\n', ' HTTP/2.0\r\n', '\r\n', '\n'),
  },
  {
    weight: 8,
    arbitrary: fc.constantFrom(
      ...[host, 'Host: x\r\n', 'Content-Length: 3\r\n', 'Content-Length: 0\r\n', 'Transfer-Encoding: chunked\r\n'],
      ...[
        'Connection: close\r\n',
        'Connection: upgrade\r\nUpgrade: x\r\n',
        'Expect: 100-continue\r\n',
        'A: b\r\n c\r\n',
      ],
      ...['Content-Length: 9999999999\r\n', 'Transfer-Encoding: gzip\r\n', 'A : b\r\n', ': b\r\n', 'Host: a@b\r\n'],
    ),
  },
  { weight: 6, arbitrary: fc.constantFrom('\r\n', '3\r\nabc\r\n', '0\r\n\r\n', 'abc', '5;a=b\r\nhello\r\n', 'zz\r\n') },
  {
    weight: 8,
    arbitrary: fc.constantFrom(
      `GET /peer/app/ok HTTP/1.1\r\n${host}\r\n`,
      `POST /peer/app/ok HTTP/1.1\r\n${host}Content-Length: 3\r\n\r\nabc`,
      `POST /peer/app/ok HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`,
    ),
  },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 20 }) },
);

const conversation = fc.record({
  pieces: fc.array(
    fc.array(fragment, { maxLength: 6 }).map((parts) => parts.join('')),
    { minLength: 1, maxLength: 4 },
  ),
  end: fc.constantFrom('fin', 'reset'),
});

test('on any input the gateway keeps running, closes every connection and forwards only requests', async (t) => {
  const seen = new Set<string>();
  const { raw, call } = await startPlainGateway(
    t,
    (request, response) => {
      seen.add(`${request.method ?? ''} ${request.url ?? ''}`);
      request.on('error', () => undefined).resume();
      response.end('ok');
    },
    { timeouts: { bodyIdleMs: 200 }, policy: { limits: { bodyTimeoutMs: 200, readHeaderTimeoutMs: 200 } } },
  );
  const one = async ({ pieces, end }: { pieces: string[]; end: string }): Promise<void> => {
    const socket = raw('');
    const over = closed(socket);
    socket.resume();
    for (const piece of pieces) {
      socket.write(piece, 'latin1');
      await new Promise((resolve) => setImmediate(resolve));
    }
    if (end === 'fin') socket.end();
    else socket.resetAndDestroy();
    await over;
  };
  const conversations = fc.sample(conversation, { numRuns: 600, seed: 4 });
  for (let i = 0; i < conversations.length; i += 20) await Promise.all(conversations.slice(i, i + 20).map(one));

  const details = await call('/health/details', { headers: [] });
  assert.equal((JSON.parse(details.text) as { connections: number }).connections, 1);
  for (const line of seen) assert.match(line, /^(?:GET|POST|HEAD|OPTIONS) \/ok$/);
  assert.ok(seen.size > 0);
});
