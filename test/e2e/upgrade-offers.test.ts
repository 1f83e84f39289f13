// Which `Upgrade` offers reach an app, and to which of them it may switch: through the gateway by
// HTTP/1.1 and HTTP/2, and through `expose`.
import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { once } from 'node:events';
import { buffer } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { Bridge } from '../../src/expose/bridge.ts';
import { StreamPipe } from '../../src/http-client/stream-pipe.ts';
import { parseTarget } from '../../src/expose/app/target.ts';
import { key, readUntil, startPlainGateway } from '../helpers/plain-gateway.ts';
import { responseOf, problemCode, startSecureGateway } from '../helpers/secure-gateway.ts';
import { tunnelPair } from '../helpers/tunnel-pair.ts';

/** Lists with one acceptable offer among offers of HTTP inside HTTP. */
const mixed = [
  'websocket, h2c',
  'h2c, websocket',
  'H2C , websocket,h2',
  'websocket, HTTP/2.0',
  'TLS/1.0, HTTP/1.1, websocket',
  'websocket, h2c;q=1, "h2c"',
  ', h2c,, websocket,',
];
const httpOnly = ['h2c', 'H2C', 'h2c, HTTP/2.0', 'TLS/1.0', 'h2-14', ' , h2c'];
/** Choices of an app that was offered websocket. */
const unofferedChoices = ['h2c', 'websocket, h2c', 'HTTP/2.0', 'chat', ''];

function switching(protocol: string): string {
  return `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`;
}

/**
 * The request as a client sends it to a gateway or, depending on `path`, to an app. If `offer`
 * holds several fields, they become several lines.
 */
function upgradeRequest(path: string, offer: string): string {
  return `GET ${path} HTTP/1.1\r\nHost: x\r\nX-API-Key: ${key}\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABk\r\nUpgrade: ${offer}\r\n\r\n`;
}

/** A handwritten app behind `expose` that receives the whole head of a request. */
async function exposed(t: TestContext, serve: (head: string, socket: Socket) => void): Promise<Bridge> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket
      .on('error', () => undefined)
      .once('data', (head: Buffer) => {
        serve(head.toString('latin1'), socket);
      });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const bridge = new Bridge({ target: parseTarget(`127.0.0.1:${(server.address() as AddressInfo).port}`) });
  t.after(async () => {
    await bridge.close();
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return bridge;
}

test('through the gateway, an app gets the offers without HTTP, and no HTTP2-Settings', async (t) => {
  const { raw, app } = await startPlainGateway(t, () => undefined);
  let seen: IncomingMessage | undefined;
  app.on('upgrade', (request: IncomingMessage, socket: Socket) => {
    seen = request;
    socket.end(switching('websocket'));
  });
  for (const offer of [...mixed, 'h2c\r\nUpgrade: websocket']) {
    seen = undefined;
    const head = await readUntil(raw(upgradeRequest('/peer/app/', offer)), '\r\n\r\n');
    assert.match(head, /^HTTP\/1\.1 101 /, offer);
    assert.equal((seen as IncomingMessage | undefined)?.headers.upgrade, 'websocket', offer);
    assert.equal((seen as IncomingMessage | undefined)?.headers['http2-settings'], undefined, offer);
  }
});

test('serves a request that offers only HTTP in HTTP/1.1', async (t) => {
  const { raw } = await startPlainGateway(t, (request, response) => {
    response.end(`upgrade: ${String(request.headers.upgrade)} ${String(request.headers['http2-settings'])}`);
  });
  for (const offer of httpOnly) {
    const response = await readUntil(raw(upgradeRequest('/peer/app/', offer)), 'undefined undefined');
    assert.match(response, /^HTTP\/1\.1 200 /, offer);
  }
});

test('an app that switches to HTTP or a protocol that was not offered causes a 502', async (t) => {
  const { raw, app } = await startPlainGateway(t, () => undefined);
  let choice = '';
  app.on('upgrade', (_: IncomingMessage, socket: Socket) => {
    socket.on('error', () => undefined).end(`${switching(choice)}PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n`);
  });
  for (choice of unofferedChoices) {
    const response = (await buffer(raw(upgradeRequest('/peer/app/', 'websocket, h2c, HTTP/2.0')))).toString();
    assert.match(response, /^HTTP\/1\.1 502 [^]*bad_upstream_response/, choice);
    assert.doesNotMatch(response, /PRI \*/, choice);
  }
});

test('rejects extended CONNECT for HTTP, and an app that switches to HTTP instead causes a 502', async (t) => {
  const gateway = await startSecureGateway(t, () => undefined);
  gateway.app.on('upgrade', (_: IncomingMessage, socket: Socket) => {
    socket.on('error', () => undefined).end(switching('h2c'));
  });
  const session = await gateway.session();
  const connect = async (protocol: string): Promise<[unknown, string]> => {
    const stream = session.request({
      ...{ ':method': 'CONNECT', ':protocol': protocol, ':scheme': 'https', ':authority': 'localhost' },
      ...{ ':path': '/peer/app/', 'x-api-key': key },
    });
    const response = await responseOf(stream.on('error', () => undefined));
    return [response.head[':status'], problemCode(response)];
  };
  for (const protocol of ['h2c', 'H2', 'h3', 'http', 'HTTPS', 'tls']) {
    assert.deepEqual(await connect(protocol), [501, 'not_implemented'], protocol);
  }
  assert.deepEqual(await connect('chat'), [502, 'bad_upstream_response']);
});

test('through expose, an app gets the offers without HTTP, and no HTTP2-Settings', async (t) => {
  const heads: string[] = [];
  const bridge = await exposed(t, (head, socket) => {
    heads.push(head);
    socket.end(switching('websocket'));
  });
  for (const offer of mixed) {
    const [client, end] = tunnelPair();
    bridge.accept(new StreamPipe(end));
    client.write(upgradeRequest('/', offer));
    assert.match((await buffer(client)).toString(), /^HTTP\/1\.1 101 /, offer);
    const head = heads.pop() ?? '';
    assert.match(head, /\r\nUpgrade: websocket\r\n/, offer);
    assert.doesNotMatch(head, /h2c|settings|HTTP\/2|TLS/i, offer);
  }
});

test('through expose, offers of HTTP only are not an upgrade, and a 101 to another protocol is 502', async (t) => {
  let choice = '';
  const bridge = await exposed(t, (head, socket) => {
    if (/^upgrade:/im.test(head)) socket.end(`${switching(choice)}PRI *`);
    else socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
  });
  const call = async (offer: string): Promise<string> => {
    const [client, end] = tunnelPair();
    bridge.accept(new StreamPipe(end));
    client.write(upgradeRequest('/', offer).replace('Connection: ', 'Connection: close, '));
    return (await buffer(client)).toString();
  };
  for (const offer of httpOnly) assert.match(await call(offer), /^HTTP\/1\.1 200 /, offer);
  for (choice of unofferedChoices) {
    const response = await call('websocket, h2c, HTTP/2.0');
    assert.match(response, /^HTTP\/1\.1 502 /, choice);
    assert.doesNotMatch(response, /PRI \*/, choice);
  }
});
