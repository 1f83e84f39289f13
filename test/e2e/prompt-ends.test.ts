// When one side disconnects, the other side notices at once: over a pooled tunnel, over a dedicated
// one, and after an upgrade.
import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { key, readUntil, startPlainGateway } from '../helpers/plain-gateway.ts';
import { closed, handedOver, over } from '../helpers/scripted-app.ts';

/** The app must notice a client's disconnect within this time. */
const promptMs = 100;

const fields = `Host: x\r\nX-API-Key: ${key}\r\n`;
const ways = {
  pooled: `GET /peer/app/ HTTP/1.1\r\n${fields}\r\n`,
  own: `POST /peer/app/ HTTP/1.1\r\n${fields}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n`,
} as const;

interface Exchange {
  readonly client: Socket;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

async function begin(t: TestContext, way: keyof typeof ways): Promise<Exchange> {
  const app = handedOver();
  const { raw } = await startPlainGateway(t, app.serve);
  const client = raw(ways[way]);
  const [request, response] = await app.next();
  return { client, request, response };
}

async function prompt(what: Promise<unknown>): Promise<void> {
  const startMs = performance.now();
  await what;
  assert.ok(performance.now() - startMs < promptMs);
}

for (const way of ['pooled', 'own'] as const) {
  test(`the app notices at once that a client left before the response, ${way}`, async (t) => {
    const { client, request } = await begin(t, way);
    client.destroy();
    await prompt(closed(request.socket));
  });

  test(`the app notices at once that a client left within the response, ${way}`, async (t) => {
    const { client, request, response } = await begin(t, way);
    response.write('begun');
    await readUntil(client, 'begun');
    client.destroy();
    await prompt(closed(request.socket));
  });

  test(`an app that leaves before its response is reported at once, ${way}`, async (t) => {
    const { client, request } = await begin(t, way);
    request.socket.destroy();
    await prompt(readUntil(client, 'tunnel_failed'));
  });

  test(`an app that leaves within its response cuts the client at once, ${way}`, async (t) => {
    const { client, request, response } = await begin(t, way);
    response.write('begun');
    await readUntil(client, 'begun');
    request.socket.destroy();
    await prompt(over(client));
  });
}

for (const leaver of ['client', 'app'] as const) {
  test(`after an upgrade, the end of the ${leaver} reaches the other side at once`, async (t) => {
    const { raw, app } = await startPlainGateway(t, () => undefined);
    const asked = new Promise<Socket>((resolve) => {
      app.on('upgrade', (_: IncomingMessage, socket: Socket) => {
        socket.on('error', () => undefined);
        socket.write('HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nswitched');
        resolve(socket);
      });
    });
    const client = raw(`GET /peer/app/ HTTP/1.1\r\n${fields}Connection: Upgrade\r\nUpgrade: x\r\n\r\n`);
    await readUntil(client, 'switched');
    const sides = { client, app: await asked };
    sides[leaver].resetAndDestroy();
    await prompt(over(sides[leaver === 'client' ? 'app' : 'client']));
  });
}
