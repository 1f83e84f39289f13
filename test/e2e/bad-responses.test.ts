// Responses of apps that are invalid HTTP or ambiguous, to requests without and with a chunked
// body. The next request always gets its own response.
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { after, before, describe, test, type TestContext } from 'node:test';
import { key, startPlainGateway, type PlainGateway } from '../helpers/plain-gateway.ts';
import { rawApp } from '../helpers/scripted-app.ts';

const ok = 'Content-Length: 2\r\n\r\nok';
const chunked = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
const leak = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nleaked';

function respond(...lines: readonly string[]): string {
  return [...lines, ok].join('\r\n');
}

const noHttp: Record<string, string> = {
  'another protocol': 'SSH-2.0-OpenSSH_9.9\r\n',
  'HTTP/2': respond('HTTP/2.0 200 OK'),
  'HTTP/0.9': respond('HTTP/0.9 200 OK'),
  'HTTP/1.2': respond('HTTP/1.2 200 OK'),
  RTSP: respond('RTSP/1.0 200 OK'),
  ICY: respond('ICY 200 OK'),
  'the version in lower case': respond('http/1.1 200 OK'),
  'an empty line first': `\r\n${respond('HTTP/1.1 200 OK')}`,
  'two spaces': respond('HTTP/1.1  200 OK'),
  'a status of two digits': respond('HTTP/1.1 20 OK'),
  'a status of four digits': respond('HTTP/1.1 2000 OK'),
  'a non-numeric status': respond('HTTP/1.1 2x0 OK'),
  'status 000': respond('HTTP/1.1 000 X'),
  'status 099': respond('HTTP/1.1 099 X'),
  'status 600': respond('HTTP/1.1 600 X'),
  'status 999': respond('HTTP/1.1 999 X'),
  'a control character in the reason': respond('HTTP/1.1 200 O\u0001K'),
  'a NUL in the reason': respond('HTTP/1.1 200 O\0K'),
  'an endless reason': respond(`HTTP/1.1 200 ${'x'.repeat(100_000)}`),
  'bare LF after the status line': `HTTP/1.1 200 OK\n${ok}`,
  'bare LF after a field': `HTTP/1.1 200 OK\r\nX: a\n${ok}`,
  'bare LF at the end of the head': 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\nok',
  'bare CR in a value': respond('HTTP/1.1 200 OK', 'X: a\rb'),
  'a fold': respond('HTTP/1.1 200 OK', 'X: a', ' b'),
  'an empty folded line': respond('HTTP/1.1 200 OK', ' X: a'),
  'a NUL in a value': respond('HTTP/1.1 200 OK', 'X: a\0b'),
  'a control character in a value': respond('HTTP/1.1 200 OK', 'X: a\u0001b'),
  'DEL in a value': respond('HTTP/1.1 200 OK', 'X: a\u007fb'),
  'a space before the colon': respond('HTTP/1.1 200 OK', 'X : a'),
  'a field without a name': respond('HTTP/1.1 200 OK', ': a'),
  'a field without a colon': respond('HTTP/1.1 200 OK', 'X'),
  'a name that is not a token': respond('HTTP/1.1 200 OK', 'X(: a'),
  'a huge head': respond('HTTP/1.1 200 OK', ...Array.from({ length: 100 }, () => `X: ${'a'.repeat(1_000)}`)),
};

const twoReadings: Record<string, string> = {
  'a length and chunks': `HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n`,
  'chunks and a length': `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\nok\r\n0\r\n\r\n`,
  'two lengths': respond('HTTP/1.1 200 OK', 'Content-Length: 3'),
  'the same length twice': respond('HTTP/1.1 200 OK', 'Content-Length: 2'),
  'chunked twice': `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  'chunks in HTTP/1.0': 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
};
for (const length of ['2, 2', '2x', '+2', '-2', '0x2', '', '1 2', '9007199254740993', '9'.repeat(30)]) {
  twoReadings[`the length ${length || 'nothing'}`] = `HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\nok`;
}
for (const coding of ['gzip, chunked', 'chunked, gzip', 'gzip', 'identity', 'xchunked', 'chunked, chunked']) {
  twoReadings[`the transfer coding ${coding}`] = `HTTP/1.1 200 OK\r\nTransfer-Encoding: ${coding}\r\n\r\n0\r\n\r\n`;
}

const interim: Record<string, string> = {
  'an unrequested protocol switch': 'HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nleaked',
  'a switch without a protocol': 'HTTP/1.1 101 X\r\n\r\nleaked',
  'a flood of interim responses': 'HTTP/1.1 103 E\r\n\r\n'.repeat(5_000) + respond('HTTP/1.1 200 OK'),
  'a flood of 100s': 'HTTP/1.1 100 C\r\n\r\n'.repeat(5_000) + respond('HTTP/1.1 200 OK'),
  'a huge interim response': `HTTP/1.1 103 E\r\nX: ${'y'.repeat(70_000)}\r\n\r\n${respond('HTTP/1.1 200 OK')}`,
};

interface Whole {
  readonly status: number;
  readonly body: string;
  readonly method?: 'HEAD';
}

/** Complete responses, which are forwarded; the bytes after them are dropped. */
const trailed: Record<string, Whole & { readonly response: string }> = {
  'bytes after the response': { status: 200, body: 'ok', response: `${respond('HTTP/1.1 200 OK')}garbage` },
  'a response after the response': { status: 200, body: 'ok', response: respond('HTTP/1.1 200 OK') + leak },
  'a response after the last chunk': { status: 200, body: 'ok', response: `${chunked}2\r\nok\r\n0\r\n\r\n${leak}` },
  'a 204 with a body': { status: 204, body: '', response: 'HTTP/1.1 204 X\r\nContent-Length: 6\r\n\r\nleaked' },
  'a 204 with chunks': {
    status: 204,
    body: '',
    response: 'HTTP/1.1 204 X\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n',
  },
  'a response after a 204': { status: 204, body: '', response: `HTTP/1.1 204 X\r\n\r\n${leak}` },
  'a 304 with a body': { status: 304, body: '', response: 'HTTP/1.1 304 X\r\nContent-Length: 6\r\n\r\nleaked' },
  'a 205 with a body': { status: 205, body: '', response: 'HTTP/1.1 205 X\r\nContent-Length: 6\r\n\r\nleaked' },
  'a 205 that does not end': { status: 205, body: '', response: 'HTTP/1.1 205 X\r\n\r\n' },
  'a body for HEAD': { status: 200, body: '', method: 'HEAD', response: respond('HTTP/1.1 200 OK') },
};

const cut: Record<string, string> = {
  'an invalid chunk size': `${chunked}2\r\nok\r\nzz\r\n`,
  'a chunk size with 0x': `${chunked}2\r\nok\r\n0x2\r\nok\r\n0\r\n\r\n`,
  'a chunk size with a bare LF': `${chunked}2\r\nok\r\n2\nok\r\n0\r\n\r\n`,
  'a chunk longer than its size': `${chunked}2\r\nokk\r\n0\r\n\r\n`,
  'an endless chunk': `${chunked}2\r\nok\r\nfffffffffffffffff\r\n`,
  'a length among the trailers': `${chunked}2\r\nok\r\n0\r\nContent-Length: 5\r\n\r\n`,
  'a control character in a trailer': `${chunked}2\r\nok\r\n0\r\nX: a\u0001\r\n\r\n`,
};

/** upload: a chunked body, or an Expect header for HEAD. */
type Request = 'plain' | 'upload';

describe('an invalid response of an app', () => {
  const script = new Map<string, string>();
  let gateway: PlainGateway;
  const endings: (() => unknown)[] = [];
  const owner = { after: (ending: () => unknown) => endings.push(ending) } as unknown as TestContext;

  before(async () => {
    gateway = await startPlainGateway(owner, () => undefined);
    const port = await rawApp(owner, (socket, received) => {
      const path = /^[A-Z]+ \/(\w+)/.exec(received)?.[1];
      if (path === undefined) return;
      socket.write(script.get(path) ?? 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnext', 'latin1');
    });
    gateway.transport.publish({ name: 'raw', port });
  });
  after(async () => {
    for (const ending of endings) await ending();
  });

  async function send(method: string, request: Request, path: string): Promise<string> {
    const upload =
      method === 'HEAD'
        ? 'Expect: 100-continue\r\nContent-Length: 0\r\n\r\n'
        : 'Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n';
    const head = `${method} /peer/raw/${path} HTTP/1.1\r\nHost: x\r\nX-API-Key: ${key}\r\nConnection: close\r\n`;
    return (await buffer(gateway.raw(head + (request === 'upload' ? upload : '\r\n')))).toString('latin1');
  }

  /**
   * Returns the response as the client received it. The tunnel is closed by then, and the next
   * request gets its own response.
   */
  async function played(bytes: string, request: Request, method = 'GET'): Promise<string> {
    script.set('x', bytes);
    const received = await send(method, request, 'x');
    const { tunnels } = gateway.transport;
    const tunnel = tunnels.at(-1);
    if (tunnel?.closed === false) await new Promise((resolve) => tunnel.once('close', resolve));
    const next = await send('GET', 'plain', 'next');
    assert.match(next, /^HTTP\/1\.1 200 [^]*\r\n\r\nnext$/);
    assert.doesNotMatch(received + next, /leaked/);
    // The next row must not find a tunnel that was used already.
    tunnels.at(-1)?.destroy();
    return received;
  }

  for (const request of ['plain', 'upload'] as const) {
    for (const [name, bytes] of Object.entries({ ...noHttp, ...twoReadings, ...interim })) {
      test(`502: ${name}, ${request}`, async () => {
        const received = await played(bytes, request);
        assert.match(received, /HTTP\/1\.1 502 [^]*"code":"bad_upstream_response"/);
      });
    }
    for (const [name, { status, body, method, response: bytes }] of Object.entries(trailed)) {
      test(`complete: ${name}, ${request}`, async () => {
        const received = await played(bytes, request, method);
        assert.match(received, new RegExp(`^HTTP/1\\.1 ${status} `));
        assert.equal(received.slice(received.indexOf('\r\n\r\n') + 4).replace(/^2\r\nok\r\n0\r\n\r\n$/, 'ok'), body);
      });
    }
    for (const [name, bytes] of Object.entries(cut)) {
      test(`cut: ${name}, ${request}`, async () => {
        assert.doesNotMatch(await played(bytes, request), /\r\n0\r\n/);
      });
    }
  }
});

test('forwards an unexpected 100 and keeps the tunnel', async (t) => {
  const { raw, transport } = await startPlainGateway(t, () => undefined);
  const bytes = `HTTP/1.1 100 Continue\r\n\r\n${respond('HTTP/1.1 200 OK')}`;
  transport.publish({ name: 'eager', port: await rawApp(t, (socket) => socket.write(bytes)) });
  for (let i = 0; i < 2; i += 1) {
    const request = `GET /peer/eager/ HTTP/1.1\r\nHost: x\r\nX-API-Key: ${key}\r\nConnection: close\r\n\r\n`;
    assert.match((await buffer(raw(request))).toString(), /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 [^]*ok$/);
  }
  assert.equal(transport.tunnels.length, 1);
});

test('an app that sends bytes before the request is not HTTP', async (t) => {
  const { call, transport } = await startPlainGateway(t, () => undefined);
  const port = await rawApp(
    t,
    () => undefined,
    (socket) => socket.write('220 mail.test ESMTP\r\n'),
  );
  transport.publish({ name: 'smtp', port });
  const { status, text } = await call('/peer/smtp/');
  assert.deepEqual([status, (JSON.parse(text) as { code: string }).code], [502, 'bad_upstream_response']);
});

test('bytes on an idle tunnel end it and are never read as a response', async (t) => {
  const { call, transport } = await startPlainGateway(t, () => undefined);
  const sockets: Socket[] = [];
  const port = await rawApp(t, (socket) => {
    sockets.push(socket);
    socket.write(respond('HTTP/1.1 200 OK'));
  });
  transport.publish({ name: 'late', port });
  assert.equal((await call('/peer/late/')).text, 'ok');
  const [tunnel] = transport.tunnels;
  const gone = new Promise((resolve) => tunnel?.once('close', resolve));
  sockets[0]?.write(leak);
  await gone;
  assert.equal((await call('/peer/late/')).text, 'ok');
  assert.equal(transport.tunnels.length, 2);
});

test('an app may switch only to an offered protocol', async (t) => {
  const { raw, transport } = await startPlainGateway(t, () => undefined);
  const fields = { other: 'Upgrade: other\r\n', silent: '' };
  for (const [name, upgrade] of Object.entries(fields)) {
    const bytes = `HTTP/1.1 101 X\r\nConnection: Upgrade\r\n${upgrade}\r\nleaked`;
    transport.publish({ name, port: await rawApp(t, (socket) => socket.write(bytes)) });
  }
  for (const name of Object.keys(fields)) {
    const head = `GET /peer/${name}/ HTTP/1.1\r\nHost: x\r\nX-API-Key: ${key}\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n`;
    assert.match((await buffer(raw(head))).toString(), /^HTTP\/1\.1 502 [^]*"bad_upstream_response"/, name);
  }
});
