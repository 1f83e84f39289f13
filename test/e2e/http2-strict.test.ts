import assert from 'node:assert/strict';
import { once } from 'node:events';
import { METHODS } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { errorCode, fieldBlock, flag, frame, frameType, type Fields } from '../helpers/http2-frames.ts';
import type { RawHttp2 } from '../helpers/http2-raw.ts';
import { key } from '../helpers/plain-gateway.ts';
import { get, startSecureGateway } from '../helpers/secure-gateway.ts';

const malformed = `reset ${errorCode.protocol}`;

/** A request to the app with modified pseudo-header fields. */
function withPseudo(changes: Readonly<Record<string, string | undefined>>, more: Fields = []): Fields {
  const changed = get('/', more).map(([name, value]) => [name, name in changes ? changes[name] : value] as const);
  return changed.filter((field): field is readonly [string, string] => field[1] !== undefined);
}

interface Row {
  readonly name: string;
  readonly fields: Fields;
  /** The outcome that the client must see. */
  readonly outcome: string;
  /** Whether the request reaches the app. */
  readonly reaches?: boolean;
}

const many = Array.from({ length: 201 }, (_, i) => [`x-${i}`, 'y'] as const);

/** RFC 9113 §8.2 and §8.3: heads without a body. */
const heads: readonly Row[] = [
  { name: 'a plain request', fields: get(), outcome: '200', reaches: true },
  { name: 'upper case in a name', fields: get('/', [['X-Upper', '1']]), outcome: malformed },
  { name: 'connection', fields: get('/', [['connection', 'close']]), outcome: malformed },
  { name: 'keep-alive', fields: get('/', [['keep-alive', 'timeout=5']]), outcome: malformed },
  { name: 'proxy-connection', fields: get('/', [['proxy-connection', 'close']]), outcome: malformed },
  { name: 'upgrade', fields: get('/', [['upgrade', 'websocket']]), outcome: malformed },
  { name: 'transfer-encoding', fields: get('/', [['transfer-encoding', 'chunked']]), outcome: malformed },
  { name: 'transfer_encoding', fields: get('/', [['transfer_encoding', 'chunked']]), outcome: '400' },
  { name: 'content_length', fields: get('/', [['content_length', '5']]), outcome: '400' },
  { name: 'te: trailers', fields: get('/', [['te', 'trailers']]), outcome: '200', reaches: true },
  { name: 'te: gzip', fields: get('/', [['te', 'gzip']]), outcome: malformed },
  { name: 'te: trailers, gzip', fields: get('/', [['te', 'trailers, gzip']]), outcome: malformed },
  { name: 'no method', fields: withPseudo({ ':method': undefined }), outcome: malformed },
  { name: 'no scheme', fields: withPseudo({ ':scheme': undefined }), outcome: malformed },
  { name: 'no path', fields: withPseudo({ ':path': undefined }), outcome: malformed },
  { name: 'an empty path', fields: withPseudo({ ':path': '' }), outcome: malformed },
  { name: 'neither authority nor host', fields: withPseudo({ ':authority': undefined }), outcome: malformed },
  { name: 'an empty authority', fields: withPseudo({ ':authority': '' }), outcome: malformed },
  {
    name: 'a host instead of an authority',
    fields: withPseudo({ ':authority': undefined }, [['host', 'localhost']]),
    outcome: '200',
    reaches: true,
  },
  { name: 'host as the authority', fields: get('/', [['host', 'LOCALHOST:443']]), outcome: '200', reaches: true },
  { name: 'host against the authority', fields: get('/', [['host', 'evil.example']]), outcome: '400' },
  {
    name: 'host twice',
    fields: get('/', [
      ['host', 'localhost'],
      ['host', 'localhost'],
    ]),
    outcome: malformed,
  },
  { name: 'a user in the authority', fields: withPseudo({ ':authority': 'user@localhost' }), outcome: malformed },
  { name: 'two hosts in the authority', fields: withPseudo({ ':authority': 'a,b' }), outcome: '400' },
  { name: 'a path twice', fields: get('/', [[':path', '/other']]), outcome: malformed },
  { name: 'a method twice', fields: [[':method', 'GET'], ...get()], outcome: malformed },
  { name: 'a pseudo-field after a field', fields: [['a', 'b'], ...get()], outcome: malformed },
  { name: 'an unknown pseudo-field', fields: [[':other', 'x'], ...get()], outcome: malformed },
  { name: 'a pseudo-field of responses', fields: [[':status', '200'], ...get()], outcome: malformed },
  { name: ':protocol without CONNECT', fields: [[':protocol', 'websocket'], ...get()], outcome: malformed },
  {
    name: 'scheme http, as received by a proxy',
    fields: withPseudo({ ':scheme': 'http' }),
    outcome: '200',
    reaches: true,
  },
  { name: 'another scheme', fields: withPseudo({ ':scheme': 'ftp' }), outcome: '400' },
  { name: 'a path without a slash', fields: withPseudo({ ':path': 'peer/app/' }), outcome: malformed },
  { name: 'an absolute path', fields: withPseudo({ ':path': 'https://localhost/peer/app/' }), outcome: malformed },
  { name: '* without OPTIONS', fields: withPseudo({ ':path': '*' }), outcome: malformed },
  { name: 'a space in the path', fields: get('/a b'), outcome: malformed },
  { name: 'a line end in the path', fields: get('/a\r\nb'), outcome: malformed },
  { name: 'a NUL in the path', fields: get('/a\0b'), outcome: malformed },
  { name: 'a fragment in the path', fields: get('/a#b'), outcome: '400' },
  { name: 'a non-ASCII byte in the path', fields: get('/\u00e9'), outcome: '400' },
  { name: '%00 in the path', fields: get('/a%00b'), outcome: '400' },
  { name: 'a path that is too long', fields: get(`/${'a'.repeat(17_000)}`), outcome: '414' },
  { name: 'a space in the method', fields: get('/', [], 'GE T'), outcome: malformed },
  { name: 'an unknown expectation', fields: get('/', [['expect', 'miracle']]), outcome: '417' },
  { name: 'content-length without content', fields: get('/', [['content-length', '5']], 'POST'), outcome: malformed },
  { name: 'an invalid content-length', fields: get('/', [['content-length', '+5']], 'POST'), outcome: malformed },
  { name: 'content-length 0', fields: get('/', [['content-length', '0']], 'POST'), outcome: '200', reaches: true },
  { name: 'more fields than 200', fields: get('/', many), outcome: '431' },
  { name: 'a field over the size limit of all', fields: get('/', [['x-large', 'y'.repeat(40_000)]]), outcome: '431' },
];

/** nghttp2 drops these fields, so that they never reach the app. */
const dropped: readonly (readonly [name: string, field: readonly [string, string]])[] = [
  ['a line end in a value', ['x-odd', 'a\r\nx-injected: b']],
  ['a NUL in a value', ['x-odd', 'a\0b']],
  ['a control character in a value', ['x-odd', 'a\u0001b']],
  ['a space in a name', ['x odd', 'a']],
  ['a colon in a name', ['x-odd:', 'a']],
  ['no name', ['', 'a']],
];

function send(client: RawHttp2, stream: number, fields: Fields, flags: number): void {
  const block = fieldBlock(fields);
  const pieces: Buffer[] = [];
  for (let at = 0; at < block.length || at === 0; at += 16_384) pieces.push(block.subarray(at, at + 16_384));
  for (const [i, piece] of pieces.entries()) {
    const last = i === pieces.length - 1 ? flag.endHeaders : 0;
    client.send(
      i === 0
        ? frame(frameType.headers, flags | last, stream, piece)
        : frame(frameType.continuation, last, stream, piece),
    );
  }
}

test('heads: malformed requests are reset, rejected ones get a response, and neither reaches an app', async (t) => {
  let seen = 0;
  const { raw2 } = await startSecureGateway(t, (_, response) => {
    seen += 1;
    response.end();
  });
  const client = await raw2();
  for (const [i, { name, fields, outcome, reaches = false }] of heads.entries()) {
    const stream = 2 * i + 1;
    seen = 0;
    send(client, stream, fields, flag.endStream);
    assert.equal(await client.outcome(stream), outcome, name);
    assert.equal(seen, reaches ? 1 : 0, name);
  }
});

test('drops fields that HTTP does not allow', async (t) => {
  const { raw2 } = await startSecureGateway(t, (request, response) => {
    response.end(request.rawHeaders.filter((name) => /odd|injected/i.test(name)).join());
  });
  const client = await raw2();
  for (const [i, [name, field]] of dropped.entries()) {
    const stream = 2 * i + 1;
    send(client, stream, get('/', [field]), flag.endStream);
    assert.equal(await client.outcome(stream), '200', name);
    assert.equal(client.body(stream), '', name);
  }
});

const padded: readonly string[] = [' a', 'a ', '\ta', 'a\t', ' ', '\t', ' a b '];

test('rejects whitespace around a value, in heads and trailers, but not within a value', async (t) => {
  const seen: string[] = [];
  const { raw2 } = await startSecureGateway(t, (request, response) => {
    request.on('error', () => undefined).resume();
    request.on('close', () => seen.push(request.complete ? 'whole' : 'cut'));
    request.on('end', () => response.end());
  });
  const client = await raw2();
  let stream = -1;
  for (const value of padded) {
    for (const field of [
      ['x-odd', value],
      ['cookie', value],
    ] as const) {
      stream += 2;
      client.request(stream, get('/', [field]));
      assert.equal(await client.outcome(stream), '400', JSON.stringify(field));
    }
  }
  assert.equal(seen.length, 0);
  for (const value of padded) {
    stream += 2;
    client.request(stream, get('/', [], 'POST'), 0);
    if (value.length > 1) client.data(stream, 'whole but for the trailers');
    const trailers = fieldBlock([['x-check', value]]);
    client.send(frame(frameType.headers, flag.endStream | flag.endHeaders, stream, trailers));
    assert.equal(await client.outcome(stream), '400', JSON.stringify(value));
  }
  assert.equal(seen.includes('whole'), false);
  for (const value of ['a b', 'a\tb', '']) {
    stream += 2;
    client.request(stream, get('/', [['x-fine', value]]));
    assert.equal(await client.outcome(stream), '200', JSON.stringify(value));
  }
});

test('both HTTP versions accept the same methods', async (t) => {
  const gateway = await startSecureGateway(t, (request, response) => {
    response.setHeader('X-Method', request.method ?? '');
    response.end();
  });
  const client = await gateway.raw2();
  const unknown = ['FOO', 'get', 'Get', 'GETT', 'M-', '!', 'X'.repeat(100)];
  let stream = -1;
  for (const method of [...METHODS, ...unknown]) {
    if (method === 'CONNECT') continue;
    stream += 2;
    client.request(stream, get('/', [], method));
    const socket = await gateway.dial();
    socket.write(
      `${method} /peer/app/ HTTP/1.1\r\nHost: localhost\r\nX-API-Key: ${key}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`,
    );
    const [, status] = /^HTTP\/1\.1 (\d+)/.exec((await buffer(socket)).toString('latin1')) ?? [];
    assert.equal(await client.outcome(stream), status, method);
    // The gateway does not forward TRACE: it would show the app's fields to the client.
    assert.equal(status, METHODS.includes(method) && method !== 'TRACE' ? '200' : '501', method);
  }
});

test('bodies: a wrong length and invalid trailers cause a reset and are never complete for the app', async (t) => {
  const seen: string[] = [];
  const { raw2 } = await startSecureGateway(t, (request, response) => {
    request.on('error', () => undefined).resume();
    request.on('close', () => seen.push(request.complete ? 'whole' : 'cut'));
    request.on('end', () => response.end());
  });
  const sized = get('/', [['content-length', '3']], 'POST');
  const unsized = get('/', [], 'POST');
  const trailers = (fields: Fields, flags: number): Buffer =>
    frame(frameType.headers, flags | flag.endHeaders, 1, fieldBlock(fields));
  const data = (text: string, flags: number): Buffer => frame(frameType.data, flags, 1, Buffer.from(text));
  const rows: readonly (readonly [name: string, fields: Fields, rest: Buffer, outcome: RegExp, app: string])[] = [
    ['as said', sized, data('abc', flag.endStream), /^200$/, 'whole'],
    ['shorter', sized, data('ab', flag.endStream), /^reset 1$/, 'cut'],
    // nghttp2 closes the whole connection.
    ['longer', sized, data('abcd', flag.endStream), /^reset 1$|^goaway/, 'cut'],
    ['trailers', unsized, trailers([['x-check', '1']], flag.endStream), /^200$/, 'whole'],
    ['trailers that do not end the body', unsized, trailers([['x-check', '1']], 0), /^reset 1$/, 'cut'],
    ['a pseudo-field in trailers', unsized, trailers([[':path', '/']], flag.endStream), /^reset 1$/, 'cut'],
    ['upper case in trailers', unsized, trailers([['X-Check', '1']], flag.endStream), /^reset 1$/, 'cut'],
    ['a connection field in trailers', unsized, trailers([['connection', 'x']], flag.endStream), /^reset 1$/, 'cut'],
  ];
  for (const [name, fields, rest, outcome, app] of rows) {
    const client = await raw2();
    client.request(1, fields, 0);
    client.send(rest);
    assert.match(await client.outcome(1), outcome, name);
    client.socket.destroy();
    await once(client.socket, 'close');
    // A request that is reset at once may never reach the app.
    while (app === 'whole' && seen.length === 0) await client.change();
    assert.ok(
      seen.every((what) => what === app),
      `${name}: ${seen.join()}`,
    );
    seen.length = 0;
  }
});
