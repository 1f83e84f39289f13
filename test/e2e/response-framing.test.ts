import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { noHeaders, type Flow, type RawHeaders, type Sink } from '../../src/kernel/http/http.ts';
import { HttpServer } from '../../src/server/http-server.ts';
import { connect } from 'node:net';
import { testPolicy } from '../helpers/policy.ts';
import type { GatewayError } from '../../src/kernel/errors/gateway-error.ts';

interface Said {
  readonly response: string;
  /** Why the server aborted the response. */
  readonly aborted: readonly GatewayError[];
}

/** Returns what a client receives for a response that a stage or an app produces, valid or not. */
async function say(
  t: TestContext,
  speak: (sink: Sink, flow: Flow) => void,
  head = 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
): Promise<Said> {
  const policy = testPolicy();
  const aborted: GatewayError[] = [];
  const server = new HttpServer({
    host: '127.0.0.1',
    port: 0,
    policy: () => policy,
    dispatch: (_, sink) => {
      const flow: Flow = {
        endsByClose: false,
        pause: () => undefined,
        resume: () => undefined,
        abort: (error) => {
          aborted.push(error);
          sink.fail(error);
        },
      };
      speak(sink, flow);
    },
  });
  const { port } = await server.listen();
  t.after(() => server.close());
  const socket: Socket = connect({ host: '127.0.0.1', port });
  await once(socket, 'connect');
  socket.write(head);
  const response = await buffer(socket).catch(() => Buffer.from('reset'));
  return { response: response.toString(), aborted };
}

const bytes = (text: string): Buffer => Buffer.from(text);

test('statuses without content have none, and no misleading length', async (t) => {
  const cases: [status: number, headers: RawHeaders, length: RegExp][] = [
    [204, ['Content-Length', '3'], /^(?![^]*content-length)/i],
    [205, ['Content-Length', '3'], /\r\nContent-Length: 0\r\n/],
    [205, [], /\r\nContent-Length: 0\r\n/],
    [304, ['Content-Length', '3', 'ETag', '"x"'], /\r\nContent-Length: 3\r\n/],
  ];
  for (const [status, headers, length] of cases) {
    const { response: response } = await say(t, (sink, flow) => {
      sink.head(status, headers, flow);
      sink.data(bytes('abc'));
      sink.end(noHeaders);
    });
    assert.match(response, new RegExp(`^HTTP/1\\.1 ${status} `));
    assert.match(response, length, String(status));
    assert.doesNotMatch(response, /transfer-encoding/i);
    assert.ok(response.endsWith('\r\n\r\n'), response);
  }
});

test('a response to HEAD keeps its length and has no content, whatever the app sends', async (t) => {
  const head = 'HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
  for (const headers of [
    ['Content-Length', '3'],
    ['Trailer', 'X-Sum'],
  ]) {
    const { response: response } = await say(
      t,
      (sink, flow) => {
        sink.head(200, headers, flow);
        sink.data(bytes('abc'));
        sink.end(['X-Sum', '1']);
      },
      head,
    );
    assert.match(response, /^HTTP\/1\.1 200 [^]*\r\n\r\n$/);
    assert.equal(response.includes('Content-Length: 3'), headers[0] === 'Content-Length');
  }
});

test('a response matches its length or is cut', async (t) => {
  const longer = await say(t, (sink, flow) => {
    sink.head(200, ['Content-Length', '3'], flow);
    sink.data(bytes('ab'));
    sink.data(bytes('cHTTP/1.1 200 OK'));
    sink.end(noHeaders);
  });
  assert.match(longer.response, /\r\n\r\nab$/);
  assert.deepEqual(
    longer.aborted.map(({ code }) => code),
    ['bad_upstream_response'],
  );
  const shorter = await say(t, (sink, flow) => {
    sink.head(200, ['Content-Length', '3'], flow);
    sink.data(bytes('ab'));
    sink.end(noHeaders);
  });
  assert.match(shorter.response, /\r\nContent-Length: 3\r\n[^]*\r\n\r\nab$/);
});

test('an ambiguous or invalid head is 502', async (t) => {
  const heads: [status: number, headers: RawHeaders][] = [
    [200, ['Content-Length', '3', 'content-length', '3']],
    [200, ['Content-Length', '3', 'Content-Length', '4']],
    [200, ['Content-Length', '-3']],
    [200, ['Content-Length', 'three']],
    [200, ['Content-Length', '9007199254740993']],
    [200, ['X', 'a\r\nY: b']],
    [200, ['X', '\0']],
    [200, ['X', '\u20ac']],
    [200, ['X Y', 'a']],
    [200, ['', 'a']],
    [0, []],
    [99, []],
    [1000, []],
    [NaN, []],
  ];
  for (const [status, headers] of heads) {
    const { response: response, aborted } = await say(t, (sink, flow) => {
      sink.head(status, headers, flow);
      sink.data(bytes('abc'));
      sink.end(noHeaders);
    });
    assert.match(response, /^HTTP\/1\.1 502 [^]*"code":"bad_upstream_response"/, JSON.stringify([status, headers]));
    assert.equal(aborted.length, 1);
  }
});

test('drops invalid interim responses and trailers', async (t) => {
  const { response: response } = await say(t, (sink, flow) => {
    sink.informational(103, ['X', '\0']);
    sink.head(200, ['Trailer', 'X'], flow);
    sink.data(bytes('abc'));
    sink.end(['X', '\0']);
  });
  assert.match(response, /^HTTP\/1\.1 200 [^]*3\r\nabc\r\n0\r\n\r\n$/);
});

test('ignores calls after the end of the response', async (t) => {
  const { response: response } = await say(t, (sink, flow) => {
    sink.head(200, ['Content-Length', '3'], flow);
    sink.data(bytes('abc'));
    sink.data(bytes('def'));
    sink.end(noHeaders);
    sink.end(noHeaders);
    sink.head(500, noHeaders, flow);
    sink.informational(103, noHeaders);
  });
  assert.match(response, /^HTTP\/1\.1 200 [^]*\r\n\r\nabc$/);
});
