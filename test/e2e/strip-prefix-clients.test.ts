// Apps that are configured with their base path, behind `start`, a relay and
// `strip_prefix: false`: MCP's HTTP+SSE transport, a development server with a WebSocket for
// updates, and an app that checks assertions.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
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

/* eslint-disable @typescript-eslint/no-deprecated -- old clients still use this transport */

/** A server with the HTTP+SSE transport: the first event of a stream is the path for messages. */
function mcpApp(base: string): Server {
  const transports = new Map<string, SSEServerTransport>();
  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://app');
    if (pathname === `${base}/sse`) {
      const transport = new SSEServerTransport(`${base}/messages`, response);
      transports.set(transport.sessionId, transport);
      const server = new McpServer({ name: 'old', version: '1.0.0' });
      server.registerTool('greet', {}, () => ({ content: [{ type: 'text', text: 'hello' }] }));
      await server.connect(transport);
    } else if (pathname === `${base}/messages`)
      await transports.get(searchParams.get('sessionId') ?? '')?.handlePostMessage(request, response);
    else response.writeHead(404).end();
  }
  return createServer((request, response) => void handle(request, response));
}

test('an MCP client follows the absolute path in the events of the server (HTTP+SSE)', async (t) => {
  const { url } = await start(t, mcpApp('/peer/app'));
  const client = new Client({ name: 'test', version: '1.0.0' });
  t.after(() => client.close());
  // The types of the SDK do not know exactOptionalPropertyTypes.
  const transport = new SSEClientTransport(new URL(`${url}/peer/app/sse`), { requestInit: { headers } }) as Transport;
  await client.connect(transport);
  const { tools } = await client.listTools();
  assert.deepEqual(
    tools.map(({ name }) => name),
    ['greet'],
  );
  const { content } = await client.callTool({ name: 'greet' });
  assert.deepEqual(content, [{ type: 'text', text: 'hello' }]);
});
/* eslint-enable @typescript-eslint/no-deprecated */

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
