// Apps that are configured with their base path, behind `start`, a relay and
// `strip_prefix: false`: MCP's HTTP+SSE transport, a development server with a WebSocket for
// updates, and an app that checks assertions.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { EventSource } from 'eventsource';
import { WebSocket, WebSocketServer } from 'ws';
import { AssertionCheck } from '../../src/expose/assertions/assertion-check.ts';
import { startCli, temporaryDirectory } from '../helpers/cli.ts';
import { key } from '../helpers/policy.ts';
import { publishApp, startRelay } from '../helpers/published-demo.ts';

const headers = { 'x-api-key': key };

interface Started {
  readonly url: string;
  readonly leaseId: string;
}

/** Publishes the app as `app`, and starts a gateway with a configuration file. */
async function start(t: TestContext, app: Server): Promise<Started> {
  const directory = await temporaryDirectory(t);
  const { url: relay } = await startRelay(t);
  const leaseId = await publishApp(t, { url: relay, name: 'app', app });
  const config = join(directory, 'gateway.yaml');
  const settings = `gateway: { port: 0, public_url: https://gateway.test }
portal: { relay_url: ${relay} }
auth: { keys: [{ id: bot, key: ${key} }], assertion: { enabled: true } }
lease_acl: { "*": [bot] }
leases: { app: { strip_prefix: false, assertion: { bind: request } } }
`;
  await writeFile(config, settings, { mode: 0o600 });
  const cli = startCli(t, ['start', '--config', config], { XDG_STATE_HOME: directory });
  const [, url = ''] = await cli.line(/"url":"(http:[^"]+)".*"message":"listening"/);
  return { url: url.replace(/\/$/, ''), leaseId };
}

/**
 * The server side of MCP's HTTP+SSE transport (protocol version 2024-11-05): the first event of the
 * stream is the path for messages, responses are events. It has one client.
 */
function mcpServer(base: string): RequestListener {
  let stream: ServerResponse | undefined;
  async function receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { id, method } = JSON.parse(await text(request)) as { id: number; method: string };
    response.writeHead(202).end('Accepted');
    stream?.write(`event: message\ndata: ${JSON.stringify({ jsonrpc: '2.0', id, result: { called: method } })}\n\n`);
  }
  return (request, response) => {
    const { method, url } = request;
    if (method === 'GET' && url === `${base}/sse`) {
      stream = response.writeHead(200, { 'content-type': 'text/event-stream' });
      stream.write(`event: endpoint\ndata: ${base}/messages?sessionId=1\n\n`);
    } else if (method === 'POST' && url === `${base}/messages?sessionId=1`) void receive(request, response);
    else response.writeHead(404).end();
  };
}

test('an MCP client follows the absolute path of the endpoint event (HTTP+SSE)', async (t) => {
  const { url } = await start(t, createServer(mcpServer('/peer/app')));
  const source = new EventSource(`${url}/peer/app/sse`, {
    fetch: (target, init) => fetch(target, { ...init, headers: { ...init.headers, ...headers } }),
  });
  t.after(() => {
    source.close();
  });
  const [first] = (await once(source, 'endpoint')) as [MessageEvent];
  const endpoint = new URL(first.data as string, source.url);
  for (const method of ['initialize', 'tools/list']) {
    const message = once(source, 'message');
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method });
    const posted = await fetch(endpoint, { method: 'POST', headers, body });
    assert.deepEqual([posted.status, await posted.text()], [202, 'Accepted']);
    const [event] = (await message) as [MessageEvent];
    assert.deepEqual(JSON.parse(event.data as string), { jsonrpc: '2.0', id: 1, result: { called: method } });
  }
});

/** Serves below its base alone, redirects to it, and pushes updates over a WebSocket at it. */
function devServer(base: string): Server {
  const server = createServer(({ url = '' }, response) => {
    if (url === base.slice(0, -1)) response.writeHead(302, { location: base, 'set-cookie': 'dev=1; Path=/' }).end();
    else if (url === base) response.end(`<script type="module" src="${base}src/main.js"></script>`);
    else if (url === `${base}src/main.js`) response.end(`import '${base}@client';`);
    else if (url === `${base}@client`) response.end('connect();');
    else response.writeHead(404).end();
  });
  const sockets = new WebSocketServer({ noServer: true });
  sockets.on('connection', (socket) => {
    socket.send('connected');
  });
  server.on('upgrade', (request, socket, head) => {
    if (request.url?.startsWith(`${base}?token=`) !== true) socket.destroy();
    else {
      sockets.handleUpgrade(request, socket, head, (accepted) => {
        sockets.emit('connection', accepted, request);
      });
    }
  });
  return server;
}

test('a development server with a base serves its modules, and updates over its WebSocket', async (t) => {
  const { url } = await start(t, devServer('/peer/app/'));
  const first = await fetch(`${url}/peer/app`, { headers, redirect: 'manual' });
  assert.deepEqual(
    [first.headers.get('location'), first.headers.get('set-cookie')],
    ['/peer/app/', 'dev=1; Path=/peer/app'],
  );
  let at = new URL('/peer/app/', url);
  for (const link of [/src="([^"]+)"/, /import '([^']+)'/]) {
    const page = await (await fetch(at, { headers })).text();
    at = new URL(link.exec(page)?.[1] ?? '', at);
  }
  assert.equal(await (await fetch(at, { headers })).text(), 'connect();');

  for (const path of ['/peer/app/?token=1', '/ws/app?token=1']) {
    const socket = new WebSocket(url.replace('http', 'ws') + path, 'hmr', { headers });
    const [message] = (await once(socket, 'message')) as [Buffer];
    assert.equal(message.toString(), 'connected', path);
    socket.terminate();
  }
});

test('an assertion for one request names the path that the app receives', async (t) => {
  const received: [assertion: string, target: string][] = [];
  const { url, leaseId } = await start(
    t,
    createServer((request, response) => {
      received.push([String(request.headers['x-gateway-assertion']), request.url ?? '']);
      response.end();
    }),
  );
  const check = new AssertionCheck({ audience: leaseId, nowMs: Date.now });
  check.setKeys(await (await fetch(`${url}/.well-known/portal-gateway/jwks.json`)).json());
  for (const path of ['/peer/app/x?y', '/peer/app', `/peer/${leaseId}/x`]) {
    await (await fetch(url + path, { headers })).text();
    const [assertion = '', target] = received.pop() ?? [];
    assert.equal(target, path);
    assert.equal(await check.faultOf(assertion, { method: 'GET', target: path }), undefined, path);
  }
});
