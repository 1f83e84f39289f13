import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, it, type TestContext } from 'node:test';
import { parseTarget } from '../../expose/app/target.ts';
import { mcpPathOf } from './mcp-probe.ts';

interface Probed {
  readonly path: string | undefined;
  /** Method and path of each request. */
  readonly requests: readonly string[];
}

async function probe(t: TestContext, serve: RequestListener): Promise<Probed> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.method ?? ''} ${request.url ?? ''}`);
    serve(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const target = parseTarget(`127.0.0.1:${(server.address() as AddressInfo).port}`);
  return { path: await mcpPathOf(target, AbortSignal.timeout(20_000)), requests };
}

const result = { jsonrpc: '2.0', id: 1, result: { protocolVersion: '2025-06-18', capabilities: {}, serverInfo: {} } };

function json(response: ServerResponse, value: unknown, status = 200): void {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(value));
}

function at(path: string, reply: (request: IncomingMessage, response: ServerResponse) => void): RequestListener {
  return (request, response) => {
    if (request.url === path && request.method === 'POST') reply(request, response);
    else response.writeHead(404).end();
  };
}

function streamed(...pieces: readonly string[]): RequestListener {
  return at('/mcp', (_request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    for (const piece of pieces) response.write(piece);
  });
}

const event = JSON.stringify(result);

describe('an app is an MCP server', () => {
  const cases: readonly (readonly [how: string, serve: RequestListener, path: string])[] = [
    [
      'at /mcp',
      at('/mcp', (_request, response) => {
        json(response, result);
      }),
      '/mcp',
    ],
    [
      'at /',
      at('/', (_request, response) => {
        json(response, result);
      }),
      '/',
    ],
    ['by an event stream that goes on', streamed(`event: message\ndata: ${event}\n\n`), '/mcp'],
    [
      'by an event stream whose type is in capitals',
      at('/mcp', (_request, response) => {
        response.writeHead(200, { 'Content-Type': 'Text/Event-Stream' }).write(`data: ${event}\n\n`);
      }),
      '/mcp',
    ],
    [
      'by an event in pieces, with CRLF',
      streamed(': ping\r\n\r\n', `data:${event.slice(0, 20)}`, `${event.slice(20)}\r\n\r\n`),
      '/mcp',
    ],
  ];
  for (const [how, serve, path] of cases) {
    it(how, async (t) => {
      assert.equal((await probe(t, serve)).path, path);
    });
  }

  it('and its session is ended', async (t) => {
    let ended: string | undefined;
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const { path } = await probe(t, (request, response) => {
      if (request.method === 'DELETE') {
        ended = request.headers['mcp-session-id'] as string;
        resolve(undefined);
      }
      response.setHeader('Mcp-Session-Id', 's1');
      json(response, result);
    });
    await promise;
    assert.deepEqual([path, ended], ['/mcp', 's1']);
  });

  it('asked as a client asks', async (t) => {
    let asked: unknown;
    let accept: string | undefined;
    await probe(t, (request, response) => {
      accept = request.headers.accept;
      void text(request).then((body) => {
        asked = JSON.parse(body);
        json(response, result);
      });
    });
    assert.equal((asked as { method: string }).method, 'initialize');
    assert.equal(accept, 'application/json, text/event-stream');
  });
});

describe('an app is no MCP server', () => {
  const cases: readonly (readonly [why: string, serve: RequestListener])[] = [
    [
      'with a page for everything',
      (_request, response) => response.setHeader('Content-Type', 'text/html').end('<p>hello'),
    ],
    [
      'with JSON of another kind',
      (_request, response) => {
        json(response, { result: 'x' });
      },
    ],
    [
      'with JSON that is no object',
      (_request, response) => {
        json(response, null);
      },
    ],
    [
      'with an error',
      at('/mcp', (_request, response) => {
        json(response, { jsonrpc: '2.0', id: 1, error: { code: -32601 } });
      }),
    ],
    [
      'with another status',
      at('/mcp', (_request, response) => {
        json(response, result, 401);
      }),
    ],
    ['with a redirect', (_request, response) => response.writeHead(307, { Location: '/mcp' }).end()],
    [
      'with a response that is too large',
      at('/mcp', (_request, response) => {
        json(response, { ...result, more: 'x'.repeat(70_000) });
      }),
    ],
    [
      'with a stream of something else',
      (_request, response) => {
        response.writeHead(200, { 'Content-Type': 'text/event-stream' }).end('data: {}\n\n');
      },
    ],
    [
      'with a cut response',
      (_request, response) => {
        response.writeHead(200, { 'Content-Length': '9' }).write('{');
        response.destroy();
      },
    ],
    [
      'with no response',
      (request) => {
        request.socket.destroy();
      },
    ],
  ];
  for (const [why, serve] of cases) {
    it(why, async (t) => {
      assert.equal((await probe(t, serve)).path, undefined);
    });
  }

  it('that never ends its response, after a bounded time', { timeout: 15_000 }, async (t) => {
    const { path } = await probe(t, (_request, response) => {
      response.writeHead(200, { 'Content-Type': 'application/json' }).write('{');
    });
    assert.equal(path, undefined);
  });

  it('and a page at / gets no POST', async (t) => {
    const { requests } = await probe(t, (request, response) => {
      if (request.url === '/mcp') response.writeHead(404).end();
      else response.setHeader('Content-Type', 'text/html').end('<p>hello');
    });
    assert.deepEqual(requests, ['POST /mcp', 'GET /']);
  });
});
