// A page that sends its API key as a WebSocket subprotocol (the only way browsers allow), alone and
// beside a subprotocol of the app.
import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { describe, test, type TestContext } from 'node:test';
import { WebSocketServer } from 'ws';
import { key, startPlainGateway } from '../helpers/plain-gateway.ts';
import { browser, withoutBrowser } from './chromium.ts';

interface Connected {
  /** The protocol that the page sees. Undefined if the browser failed the connection. */
  readonly protocol: string | undefined;
  /** The subprotocols that the app was offered. */
  readonly offered: string | undefined;
}

/** `chosen`: the subprotocol that the app selects. */
async function connected(t: TestContext, offers: readonly string[], chosen?: string): Promise<Connected> {
  const { app, port } = await startPlainGateway(t, (_request, response) => response.end());
  const sockets = new WebSocketServer({ noServer: true, handleProtocols: () => chosen ?? false });
  let offered: string | undefined;
  app.on('upgrade', (request: IncomingMessage, socket, head: Buffer) => {
    offered = request.headers['sec-websocket-protocol'];
    sockets.handleUpgrade(request, socket, head, (accepted) => {
      accepted.on('message', (data: Buffer) => {
        accepted.send(data.toString());
      });
    });
  });
  const context = await (await browser()).newContext();
  t.after(() => context.close());
  const page = await context.newPage();
  const protocol = await page.evaluate<string | null>(`new Promise((resolve) => {
    const socket = new WebSocket('ws://127.0.0.1:${port}/peer/app/', ${JSON.stringify(offers)});
    socket.onopen = () => socket.send('hello');
    socket.onmessage = ({ data }) => resolve(data === 'hello' ? socket.protocol : null);
    socket.onerror = () => resolve(null);
  })`);
  return { protocol: protocol ?? undefined, offered };
}

describe('a key in a WebSocket subprotocol', { skip: withoutBrowser }, () => {
  const offer = `portal-gateway.bearer.${key}`;

  test('alone: the app is offered none, and the browser gets its own protocol confirmed', async (t) => {
    assert.deepEqual(await connected(t, [offer]), { protocol: offer, offered: undefined });
  });

  test('with a protocol of the app: that one is selected', async (t) => {
    assert.deepEqual(await connected(t, [offer, 'chat'], 'chat'), { protocol: 'chat', offered: 'chat' });
  });

  test('with a protocol that the app does not select: fails as without a gateway', async (t) => {
    assert.deepEqual(await connected(t, ['chat', offer]), { protocol: undefined, offered: 'chat' });
  });
});
