// Responses in the form that widely used servers write, taken from their documentation and source.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readResponse, splitAt } from '../../test/helpers/http-reading.ts';

interface Vector {
  readonly lines: readonly string[];
  readonly body?: string;
  readonly method?: string;
  readonly offered?: string;
  /** The result that the reader reports. */
  readonly read: {
    readonly outcome?: 'upgrade';
    readonly framing: string;
    readonly persistent: boolean;
    readonly content?: string;
    readonly keepAliveSeconds?: number;
    readonly trailers?: readonly string[];
  };
}

const date = 'Date: Sun, 29 Nov 2026 19:00:00 GMT';
const page = '<!DOCTYPE html>\n<title>x</title>\n';
const chunkedPage = `${page.length.toString(16)}\r\n${page}\r\n0\r\n\r\n`;

const vectors: Record<string, Vector> = {
  'nginx: a file': {
    lines: [
      ...['HTTP/1.1 200 OK', 'Server: nginx/1.26.2', date, 'Content-Type: text/html', `Content-Length: ${page.length}`],
      ...['Last-Modified: Tue, 13 Aug 2024 15:04:19 GMT', 'Connection: keep-alive', 'ETag: "66bb7613-267"'],
      'Accept-Ranges: bytes',
    ],
    body: page,
    read: { framing: 'length', persistent: true, content: page },
  },
  'nginx: compressed on the fly': {
    lines: [
      ...['HTTP/1.1 200 OK', 'Server: nginx', date, 'Content-Type: text/html', 'Transfer-Encoding: chunked'],
      ...['Connection: keep-alive', 'Keep-Alive: timeout=20', 'Vary: Accept-Encoding', 'Content-Encoding: gzip'],
    ],
    body: '1a\r\n\x1f\x8b\x08\0\0\0\0\0\0\x03KLJN\x01\0\xc2A$5\x03\0\0\0\0\0\r\n0\r\n\r\n',
    read: {
      ...{ framing: 'chunked', persistent: true, keepAliveSeconds: 20 },
      content: '\x1f\x8b\x08\0\0\0\0\0\0\x03KLJN\x01\0\xc2A$5\x03\0\0\0\0\0',
    },
  },
  'nginx: not modified': {
    lines: [
      ...['HTTP/1.1 304 Not Modified', 'Server: nginx/1.26.2', date, 'Last-Modified: Tue, 13 Aug 2024 15:04:19 GMT'],
      ...['Connection: keep-alive', 'ETag: "66bb7613-267"'],
    ],
    read: { framing: 'none', persistent: true },
  },
  'nginx: a malformed request': {
    lines: [
      ...['HTTP/1.1 400 Bad Request', 'Server: nginx', date, 'Content-Type: text/html'],
      ...[`Content-Length: ${page.length}`, 'Connection: close'],
    ],
    body: page,
    read: { framing: 'length', persistent: false, content: page },
  },
  'Node.js: res.end()': {
    lines: [
      ...['HTTP/1.1 200 OK', 'Content-Type: application/json', date, 'Connection: keep-alive', 'Keep-Alive: timeout=5'],
      'Content-Length: 2',
    ],
    body: '{}',
    read: { framing: 'length', persistent: true, content: '{}', keepAliveSeconds: 5 },
  },
  'Node.js: res.write(), with trailers': {
    lines: [
      ...['HTTP/1.1 200 OK', 'Trailer: X-Sum', date, 'Connection: keep-alive', 'Keep-Alive: timeout=5'],
      'Transfer-Encoding: chunked',
    ],
    body: '5\r\nhello\r\n6\r\n world\r\n0\r\nX-Sum: 1\r\n\r\n',
    read: {
      framing: 'chunked',
      persistent: true,
      content: 'hello world',
      keepAliveSeconds: 5,
      trailers: ['X-Sum', '1'],
    },
  },
  'Node.js: to an HTTP/1.0 client': {
    lines: ['HTTP/1.1 200 OK', date, 'Connection: close'],
    body: 'hello',
    read: { framing: 'close', persistent: false, content: 'hello' },
  },
  'Go net/http: a small response': {
    lines: ['HTTP/1.1 200 OK', date, 'Content-Length: 2', 'Content-Type: text/plain; charset=utf-8'],
    body: 'ok',
    read: { framing: 'length', persistent: true, content: 'ok' },
  },
  'Go net/http: flushed, with a trailer': {
    lines: ['HTTP/1.1 200 OK', 'Trailer: Grpc-Status', date, 'Content-Type: text/plain', 'Transfer-Encoding: chunked'],
    body: '6\r\nfirst \r\n6\r\nsecond\r\n0\r\nGrpc-Status: 0\r\n\r\n',
    read: { framing: 'chunked', persistent: true, content: 'first second', trailers: ['Grpc-Status', '0'] },
  },
  'Go net/http: early hints': {
    lines: [
      ...['HTTP/1.1 103 Early Hints', 'Link: </a.css>; rel=preload; as=style', '', 'HTTP/1.1 200 OK', date],
      ...['Content-Length: 2', 'Content-Type: text/plain; charset=utf-8', 'Link: </a.css>; rel=preload; as=style'],
    ],
    body: 'ok',
    read: { framing: 'length', persistent: true, content: 'ok' },
  },
  'Apache httpd: a file': {
    lines: [
      ...[
        'HTTP/1.1 200 OK',
        date,
        'Server: Apache/2.4.62 (Debian)',
        'Upgrade: h2,h2c',
        'Connection: Upgrade, Keep-Alive',
      ],
      ...['Last-Modified: Mon, 11 Jun 2007 18:53:14 GMT', 'ETag: "2d-432a5e4a73a80"', 'Accept-Ranges: bytes'],
      ...[`Content-Length: ${page.length}`, 'Keep-Alive: timeout=5, max=100', 'Content-Type: text/html'],
    ],
    body: page,
    read: { framing: 'length', persistent: true, content: page, keepAliveSeconds: 5 },
  },
  'Apache httpd: HEAD of a script': {
    lines: [
      ...['HTTP/1.1 200 OK', date, 'Server: Apache', 'Keep-Alive: timeout=5, max=99', 'Connection: Keep-Alive'],
      ...['Transfer-Encoding: chunked', 'Content-Type: text/html; charset=UTF-8'],
    ],
    method: 'HEAD',
    read: { framing: 'none', persistent: true, keepAliveSeconds: 5 },
  },
  'Python http.server: a file': {
    lines: [
      ...['HTTP/1.0 200 OK', 'Server: SimpleHTTP/0.6 Python/3.12.3', date, 'Content-type: text/html; charset=utf-8'],
      `Content-Length: ${page.length}`,
    ],
    body: page,
    read: { framing: 'length', persistent: false, content: page },
  },
  'Python http.server: a handler that sends no length': {
    lines: ['HTTP/1.0 200 OK', 'Server: BaseHTTP/0.6 Python/3.12.3', date],
    body: 'hello\n',
    read: { framing: 'close', persistent: false, content: 'hello\n' },
  },
  'uvicorn: JSON': {
    lines: [
      ...['HTTP/1.1 200 OK', 'date: Sun, 29 Nov 2026 19:00:00 GMT', 'server: uvicorn', 'content-length: 17'],
      'content-type: application/json',
    ],
    body: '{"hello":"world"}',
    read: { framing: 'length', persistent: true, content: '{"hello":"world"}' },
  },
  'uvicorn: events': {
    lines: [
      ...['HTTP/1.1 200 OK', 'date: Sun, 29 Nov 2026 19:00:00 GMT', 'server: uvicorn', 'cache-control: no-store'],
      ...['content-type: text/event-stream; charset=utf-8', 'Transfer-Encoding: chunked'],
    ],
    body: '9\r\ndata: 1\n\n\r\n9\r\ndata: 2\n\n\r\n0\r\n\r\n',
    read: { framing: 'chunked', persistent: true, content: 'data: 1\n\ndata: 2\n\n' },
  },
  'gunicorn: its default worker': {
    lines: ['HTTP/1.1 200 OK', 'Server: gunicorn', date, 'Connection: close', 'Content-Length: 2'],
    body: 'ok',
    read: { framing: 'length', persistent: false, content: 'ok' },
  },
  'PHP: its built-in server': {
    lines: [
      ...['HTTP/1.1 200 OK', 'Host: localhost:8000', date, 'Connection: close', 'X-Powered-By: PHP/8.3.6'],
      'Content-type: text/html; charset=UTF-8',
    ],
    body: page,
    read: { framing: 'close', persistent: false, content: page },
  },
  'Tomcat: an empty reason phrase': {
    lines: ['HTTP/1.1 200 ', 'Content-Type: text/html;charset=UTF-8', 'Transfer-Encoding: chunked', date],
    body: chunkedPage,
    read: { framing: 'chunked', persistent: true, content: page },
  },
  'Kestrel: no content': {
    lines: ['HTTP/1.1 204 No Content', date, 'Server: Kestrel'],
    read: { framing: 'none', persistent: true },
  },
  'ws: a websocket': {
    lines: [
      ...['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade'],
      'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=',
    ],
    offered: 'websocket',
    read: { outcome: 'upgrade', framing: 'none', persistent: true },
  },
};

describe('reads responses of', () => {
  for (const [name, { lines, body = '', method = 'GET', offered = '', read }] of Object.entries(vectors)) {
    test(name, () => {
      const bytes = Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`, 'latin1');
      const last = lines.lastIndexOf('');
      const fields = lines.slice(last + 2).flatMap((line) => {
        const colon = line.indexOf(':');
        return [line.slice(0, colon), line.slice(colon + 2)];
      });
      for (const pieces of [[bytes], splitAt(bytes, Array.from(bytes.keys()))]) {
        const reading = readResponse(pieces, { method, offeredProtocols: offered });
        assert.deepEqual([reading.outcome, reading.excess], [read.outcome ?? 'complete', false]);
        assert.deepEqual(reading.head?.headers, fields);
        assert.deepEqual([reading.head.framing.kind, reading.head.persistent], [read.framing, read.persistent]);
        assert.equal(reading.head.keepAliveSeconds, read.keepAliveSeconds);
        assert.equal(reading.body.toString('latin1'), read.content ?? '');
        assert.deepEqual(reading.trailers, read.trailers ?? []);
      }
    });
  }
});
