import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type RequestListener, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { buffer, text } from 'node:stream/consumers';
import { describe, it, type TestContext } from 'node:test';
import { Client } from 'undici';
import { channelPair, type ChannelPair } from '../../../test/helpers/channel-pair.ts';

/** A server whose connections come from tunnels, like a Node app behind `expose`. */
function serve(test: TestContext, listener: RequestListener): { server: Server; pair: ChannelPair } {
  const server = createServer(listener);
  const pair = channelPair({ chunkBytes: () => 7000 });
  pair.server.on('error', () => undefined);
  pair.client.on('error', () => undefined);
  server.emit('connection', pair.server);
  test.after(() => {
    pair.client.destroy();
    pair.server.destroy();
  });
  return { server, pair };
}

/** undici over one tunnel. The callback must not be called synchronously, or the request hangs. */
function undiciOver(test: TestContext, pair: ChannelPair, pipelining = 1): Client {
  const client = new Client('http://app', {
    pipelining,
    connect: (_options, callback) => {
      queueMicrotask(() => {
        callback(null, pair.client as unknown as Socket);
      });
    },
  });
  test.after(() => client.destroy());
  return client;
}

const echo: RequestListener = (req, res) => {
  res.setHeader('x-url', req.url ?? '');
  req.pipe(res);
};

describe('a tunnel under HTTP', () => {
  it('carries keep-alive requests of undici to a Node server', async (test) => {
    const { pair } = serve(test, echo);
    const client = undiciOver(test, pair);
    for (let i = 0; i < 50; i += 1) {
      const body = `body ${i}`.repeat(i * 20);
      const response = await client.request({ path: `/${i}`, method: 'POST', body });
      assert.equal(response.headers['x-url'], `/${i}`);
      assert.equal(await response.body.text(), body);
    }
    assert.ok(pair.client.bytesSent > 0 && !pair.client.destroyed);
  });

  it('carries bulk data both ways, with a reader that pauses', async (test) => {
    const { pair } = serve(test, echo);
    const client = undiciOver(test, pair);
    const sent = Buffer.alloc(8 * 1024 * 1024, 'portal ');
    const response = await client.request({ path: '/', method: 'POST', body: sent });
    const received: Buffer[] = [];
    for await (const chunk of response.body) {
      received.push(chunk as Buffer);
      if (received.length % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    assert.ok(Buffer.concat(received).equals(sent));
  });

  it('sends the head and the first body bytes of a request in one frame', async (test) => {
    const { pair } = serve(test, echo);
    const client = undiciOver(test, pair);
    const response = await client.request({ path: '/', method: 'POST', body: 'hello' });
    await response.body.text();
    const frames = pair.clientPipe.seen.sentBytes - pair.client.bytesSent;
    assert.equal(frames / 32, 1);
  });

  it('fails a truncated response', async (test) => {
    const { pair } = serve(test, (_req, res) => {
      res.writeHead(200, { 'content-length': '100' });
      res.write('part');
    });
    const client = undiciOver(test, pair);
    const response = await client.request({ path: '/', method: 'GET' });
    pair.server.destroy();
    await assert.rejects(response.body.text());
  });

  it('delivers a response in full if the server closes after it', async (test) => {
    const body = 'x'.repeat(500_000);
    const { pair } = serve(test, (_req, res) => {
      res.setHeader('connection', 'close');
      res.end(body);
    });
    const response = await undiciOver(test, pair).request({ path: '/', method: 'GET' });
    assert.equal(await response.body.text(), body);
  });

  it('serves http.request over a dedicated tunnel, with Expect and trailers', async (test) => {
    const { server, pair } = serve(test, (req, res) => {
      res.writeHead(200, { trailer: 'x-sum' });
      req.on('end', () => {
        res.addTrailers({ 'x-sum': String(req.trailers['x-check']) });
        res.end('done');
      });
      req.resume();
    });
    let continued = false;
    server.on('checkContinue', (req, res) => {
      res.writeContinue();
      server.emit('request', req, res);
    });
    const req = request({
      method: 'POST',
      headers: { expect: '100-continue', trailer: 'x-check', 'transfer-encoding': 'chunked' },
      createConnection: () => pair.client,
    });
    req.on('continue', () => {
      continued = true;
      req.write('body');
      req.addTrailers({ 'x-check': '42' });
      req.end();
    });
    req.flushHeaders();
    const [res] = (await once(req, 'response')) as [IncomingMessage];
    assert.equal(await text(res), 'done');
    assert.equal(res.trailers['x-sum'], '42');
    assert.ok(continued);
  });

  it('carries an upgraded connection both ways', async (test) => {
    const { server, pair } = serve(test, echo);
    server.on('upgrade', (_req, socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: test\r\n\r\n');
      socket.pipe(socket);
    });
    const { socket } = await undiciOver(test, pair).upgrade({ path: '/', protocol: 'test' });
    const received = new Promise<Buffer>((resolve) => socket.once('data', resolve));
    socket.write('ping');
    assert.equal(String(await received), 'ping');
  });

  it('propagates an aborted request to the server', async (test) => {
    const closed = Promise.withResolvers<undefined>();
    const { pair } = serve(test, (_req, res) => {
      res.on('close', () => {
        closed.resolve(undefined);
      });
      res.write('endless');
    });
    const abort = new AbortController();
    const response = await undiciOver(test, pair).request({ path: '/', method: 'GET', signal: abort.signal });
    abort.abort();
    await assert.rejects(buffer(response.body));
    await closed.promise;
    assert.ok(pair.client.destroyed);
  });
});
