// Reconnection of a relay client: a session counts as a success only if it lasted and the relay
// answered a ping.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { Socket, type AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { WebSocketServer } from 'ws';
import { createCredential } from './identity.ts';
import { MessageStream } from './message-stream.ts';
import { MessageReader } from './packets/message-reader.ts';
import { decodePacket, encodePacket, ResponseCode } from './packets/packets.ts';
import { RelayClient, type RelayClientOptions } from './relay-client.ts';
import type { RelayClientEvent } from './relay-client-event.ts';
import { acceptCarrier, websocketOptions } from './websocket/websocket-carrier.ts';
import { Mux } from './yamux/mux.ts';

/**
 * A relay where `serve` handles each websocket, and whose lease updates are answered with `codes`
 * in turn.
 */
async function startRelay(
  t: TestContext,
  serve: (mux: Mux, number: number) => void,
  codes: () => number = () => ResponseCode.ACCEPTED,
): Promise<string> {
  const websockets = new WebSocketServer({ noServer: true, ...websocketOptions });
  let opened = 0;
  // Leases expire by the Date of the relay, for which a client waits a few seconds.
  const server = createServer((_, response) => response.end()).on('upgrade', (request, socket, head) => {
    if (!(socket instanceof Socket)) return;
    websockets.handleUpgrade(request, socket, head, (ws) => {
      const mux = new Mux(
        acceptCarrier(ws, socket),
        { role: 'server', tolerance: 'tolerant', keepalive: false },
        {
          stream: (pipe) => {
            void (async () => {
              const messages = new MessageStream(pipe, new MessageReader(65_536));
              const message = await messages.next(AbortSignal.timeout(10_000));
              if (message === undefined || decodePacket(message).type !== 'leaseUpdateRequest') {
                pipe.reset();
                return;
              }
              pipe.write([encodePacket({ type: 'leaseUpdateResponse', code: codes() })]);
            })().catch(() => undefined);
          },
          goAway: () => undefined,
          close: () => undefined,
        },
      );
      opened += 1;
      serve(mux, opened);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}/relay`;
}

function connectTo(t: TestContext, options: Partial<RelayClientOptions> & { url: string }): RelayClient {
  const client = new RelayClient({
    credential: createCredential(),
    reconnect: { initialMs: 20, maxMs: 60_000 },
    random: () => 1,
    ...options,
  });
  t.after(() => client.close());
  return client;
}

/**
 * Milliseconds until the relay has seen `count` websockets, each of which it closes at once or,
 * with `answers`, after pings in both directions.
 */
async function msUntil(t: TestContext, count: number, responses: boolean, provenAfterMs: number): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const url = await startRelay(t, (mux, number) => {
    if (number === count) resolve(undefined);
    if (!responses) mux.close();
    else
      void mux
        .ping()
        .then(() => mux.ping())
        .then(() => mux.ping())
        .then(() => {
          mux.close();
        })
        .catch(() => undefined);
  });
  const startMs = performance.now();
  connectTo(t, { url, provenAfterMs });
  await promise;
  return performance.now() - startMs;
}

// Seven waits of 20 ms, each 1.5 times the one before.
const grownMs = 643;

test('backs off from a relay that accepts the WebSocket and closes it', async (t) => {
  assert.ok((await msUntil(t, 8, false, 0)) >= grownMs);
});

test('a session that ends early does not reset the backoff, even if a ping was answered', async (t) => {
  assert.ok((await msUntil(t, 8, true, 60_000)) >= grownMs);
});

test('a session that lasted and answered a ping resets the backoff', async (t) => {
  // If the backoff grew, 24 websockets would take more than seven minutes.
  assert.ok((await msUntil(t, 24, true, 0)) < 60_000);
});

test('backs off from a relay that accepts a lease and rejects its first renewal', async (t) => {
  let updates = 0;
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const url = await startRelay(
    t,
    () => undefined,
    () => {
      updates += 1;
      if (updates === 15) resolve(undefined);
      return updates % 2 === 1 ? ResponseCode.ACCEPTED : ResponseCode.REJECTED;
    },
  );
  const startMs = performance.now();
  const client = connectTo(t, { url, renewEveryMs: 1 });
  client.listenPipes({ name: 'app', alpn: ['http/1.1'], credential: createCredential() });
  await promise;
  assert.ok(performance.now() - startMs >= grownMs);
});

test('reconnects to a relay that accepts no new streams but keeps the connection', async (t) => {
  const events: RelayClientEvent[] = [];
  const { promise: publishedAgain, resolve } = Promise.withResolvers<undefined>();
  const url = await startRelay(t, (mux, number) => {
    // The client has received the response to its first ping.
    if (number > 1) return;
    void mux.ping().then(() => {
      mux.goAway();
    });
  });
  const client = connectTo(t, {
    url,
    goAwayTimeoutMs: 50,
    log: (event) => {
      events.push(event);
      if (event.type === 'published' && events.some(({ type }) => type === 'down')) resolve(undefined);
    },
  });
  client.listenPipes({ name: 'app', credential: createCredential(), alpn: ['http/1.1'] });
  await publishedAgain;
  const down = events.find((event) => event.type === 'down');
  assert.equal(down?.error.code, 'session_goaway');
});

test('a client connects no earlier than scheduled, and not at all once it is closed', async (t) => {
  let opened = 0;
  const url = await startRelay(t, () => {
    opened += 1;
  });
  const [first, second] = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()];
  const client = connectTo(t, { url, connectWhen: first.promise });
  const closed = connectTo(t, { url, connectWhen: second.promise });
  assert.equal(client.state(), 'down');
  // A round trip to the relay's port: an attempt that had begun before would have arrived.
  await connectTo(t, { url }).ready(AbortSignal.timeout(10_000));
  assert.equal(opened, 1);
  await closed.close();
  second.resolve(undefined);
  first.resolve(undefined);
  await client.ready(AbortSignal.timeout(10_000));
  assert.equal(opened, 2);
});
