// Clients with keep-alive connections during a drain: each of their requests gets its response.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, request as httpRequest, type IncomingMessage, type RequestListener } from 'node:http';
import { text } from 'node:stream/consumers';
import { describe, test, type TestContext } from 'node:test';
import { Client } from 'undici';
import { echo, gate, keepAliveClients, refused } from '../helpers/keep-alive-client.ts';
import { key, startPlainGateway, type PlainGateway } from '../helpers/plain-gateway.ts';

/** Longer than anything here takes on a busy machine; no test waits for it. */
const longMs = 60_000;

const headers = { 'x-api-key': key };

function start(t: TestContext, serve: RequestListener = echo, drainLingerMs = longMs): Promise<PlainGateway> {
  return startPlainGateway(t, serve, { policy: { limits: { drainLingerMs } } });
}

/** When the request is sent, relative to the start of the drain. */
const moments: Readonly<Record<string, (send: () => void, drain: () => void) => void>> = {
  'before the drain, unread': (send, drain) => {
    send();
    drain();
  },
  'in the same tick': (send, drain) => {
    drain();
    send();
  },
  'a microtask later': (send, drain) => {
    drain();
    queueMicrotask(send);
  },
  'a turn of the loop later': (send, drain) => {
    drain();
    setImmediate(send);
  },
  'some turns of the loop later': (send, drain) => {
    drain();
    setImmediate(() => setImmediate(() => setTimeout(send, 5)));
  },
  'much later': (send, drain) => {
    drain();
    setTimeout(send, 200);
  },
};

describe('serves a request on a kept-alive connection, and its response ends the connection', () => {
  for (const [name, play] of Object.entries(moments)) {
    for (const method of ['GET', 'POST']) {
      test(`32 clients, ${method}, sent ${name}`, async (t) => {
        let app = gate(echo);
        const { port, gateway } = await start(t, (incoming, response) => {
          app.serve(incoming, response);
        });
        app.open();
        const all = await keepAliveClients(t, port, 32);
        // Responses begin after the listener has closed, and from then on announce that the
        // connection closes.
        app = gate(echo);
        let drained: Promise<void> | undefined;
        const send = (): void => {
          for (const [i, client] of all.entries()) client.send(`/peer/app/${i}`, method);
        };
        play(send, () => {
          drained = gateway.drain(longMs);
        });
        await refused(port);
        app.open();
        for (const [i, client] of all.entries()) {
          const body = `${method} /${i} ${method === 'POST' ? `/peer/app/${i}` : ''}`;
          assert.deepEqual(await client.response(), { status: 200, body, closes: true });
          await client.over();
        }
        await drained;
      });
    }
  }

  test('32 clients that send one request after the other, at any start of the drain', async (t) => {
    const { port, gateway } = await start(t, echo, 500);
    const all = await keepAliveClients(t, port, 32);
    let drained: Promise<void> | undefined;
    let served = 0;
    const lost = await Promise.all(
      all.map(async (client) => {
        for (;;) {
          client.send('/peer/app/', 'POST');
          const response = await client.response();
          if (response?.status !== 200) return 1;
          served += 1;
          if (served === 400) drained = gateway.drain(longMs);
          if (response.closes) return 0;
        }
      }),
    );
    assert.deepEqual(
      lost,
      Array.from(all, () => 0),
    );
    await drained;
  });
});

/**
 * Resolves with whether the response announces the end of the connection; rejects without a
 * response.
 */
const libraries: Readonly<Record<string, (t: TestContext, port: number) => () => Promise<boolean>>> = {
  'node:http': (t, port) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    t.after(() => {
      agent.destroy();
    });
    return async () => {
      const outgoing = httpRequest({ agent, host: '127.0.0.1', port, path: '/peer/app/', method: 'POST', headers });
      outgoing.end('body');
      const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
      assert.equal(await text(response), 'POST / body');
      return response.headers.connection === 'close';
    };
  },
  undici: (t, port) => {
    const client = new Client(`http://127.0.0.1:${port}`);
    t.after(() => client.destroy());
    return async () => {
      const response = await client.request({ path: '/peer/app/', method: 'POST', headers, body: 'body' });
      assert.equal(await response.body.text(), 'POST / body');
      return response.headers['connection'] === 'close';
    };
  },
};

for (const [name, library] of Object.entries(libraries)) {
  test(`32 clients of ${name} with kept-alive connections lose no POST`, async (t) => {
    const { port, gateway } = await start(t, echo, 500);
    let drained: Promise<void> | undefined;
    let served = 0;
    await Promise.all(
      Array.from({ length: 32 }, async () => {
        const post = library(t, port);
        while (!(await post())) {
          served += 1;
          if (served === 400) drained = gateway.drain(longMs);
        }
      }),
    );
    await drained;
  });
}
