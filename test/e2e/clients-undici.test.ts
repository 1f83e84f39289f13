// undici and its fetch through the gateway: streams in both directions, forms, pipelining, an
// abort.
import assert from 'node:assert/strict';
import { hash, randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable, Writable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { Agent, Client, fetch, FormData, Pool, request, stream } from 'undici';
import { key, startPlainGateway } from '../helpers/plain-gateway.ts';
import { closed, handedOver } from '../helpers/scripted-app.ts';

const headers = { 'x-api-key': key };

async function gatewayFor(
  t: TestContext,
  serve: (request: IncomingMessage, response: ServerResponse) => void | Promise<void>,
): Promise<{ origin: string; url: string }> {
  const { port } = await startPlainGateway(t, (incoming, response) => {
    Promise.resolve(serve(incoming, response)).catch(() => response.destroy());
  });
  const origin = `http://127.0.0.1:${port}`;
  return { origin, url: `${origin}/peer/app` };
}

/** A dispatcher for one test, closed at its end. */
function agent(t: TestContext): Agent {
  const own = new Agent();
  t.after(() => own.destroy());
  return own;
}

test('fetch streams an upload and its response at the same time', async (t) => {
  const { url } = await gatewayFor(t, (incoming, response) => {
    incoming.pipe(response);
  });
  let send: (chunk: string | null) => void = () => undefined;
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      send = (chunk) => {
        if (chunk === null) controller.close();
        else controller.enqueue(Buffer.from(chunk));
      };
    },
  });
  const responding = fetch(`${url}/echo`, { method: 'POST', body, duplex: 'half', headers, dispatcher: agent(t) });
  send('first');
  const response = await responding;
  assert.ok(response.body);
  const reader = response.body.getReader();
  const read = async (): Promise<string> =>
    Buffer.from(((await reader.read()) as { value: Uint8Array }).value).toString();
  assert.equal(await read(), 'first');
  send('second');
  assert.equal(await read(), 'second');
  send(null);
  assert.equal((await reader.read()).done, true);
});

test('fetch sends a form with a file, and the app receives it unchanged', async (t) => {
  const bytes = randomBytes(500_000);
  const { url } = await gatewayFor(t, async (incoming, response) => {
    const body = await buffer(incoming);
    const [, boundary = ''] = /boundary=(.+)$/.exec(incoming.headers['content-type'] ?? '') ?? [];
    const parts = body.toString('latin1').split(`--${boundary}`);
    const names = parts.map((part) => /name="(\w+)"/.exec(part)?.[1] ?? '');
    response.end(JSON.stringify([names, body.includes('Zwölf'), body.includes(bytes)]));
  });
  const form = new FormData();
  form.set('title', 'Zwölf');
  form.set('file', new Blob([bytes]), 'twelve.bin');
  const response = await fetch(url, { method: 'POST', body: form, headers, dispatcher: agent(t) });
  assert.deepEqual(await response.json(), [['', 'title', 'file', ''], true, true]);
});

test('the app notices an aborted fetch', async (t) => {
  const app = handedOver();
  const { port } = await startPlainGateway(t, app.serve);
  const abort = new AbortController();
  const url = `http://127.0.0.1:${port}/peer/app/`;
  const responding = fetch(url, { headers, signal: abort.signal, dispatcher: agent(t) });
  const [incoming, response] = await app.next();
  response.write('begun');
  const reply = await responding;
  const left = closed(incoming);
  abort.abort();
  await assert.rejects(reply.text(), { name: 'AbortError' });
  await left;
});

test('request and stream carry large bodies, followed by trailers', async (t) => {
  const { url } = await gatewayFor(t, async (incoming, response) => {
    response.writeHead(200, { trailer: 'x-sum' });
    const body = await buffer(incoming);
    response.write(body);
    response.addTrailers({ 'x-sum': hash('sha256', body) });
    response.end();
  });
  const bytes = randomBytes(5_000_000);
  const dispatcher = agent(t);
  const response = await request(url, { method: 'PUT', body: Readable.from([bytes]), headers, dispatcher });
  assert.deepEqual(await buffer(response.body), bytes);
  assert.equal(response.trailers['x-sum'], hash('sha256', bytes));
  const pieces: Buffer[] = [];
  const sink = new Writable({
    write: (chunk: Buffer, _, done) => {
      pieces.push(chunk);
      done();
    },
  });
  await stream(url, { method: 'PUT', body: bytes, headers, dispatcher, opaque: null }, () => sink);
  assert.deepEqual(Buffer.concat(pieces), bytes);
});

test('responds to pipelined requests in order', async (t) => {
  const { origin } = await gatewayFor(t, (incoming, response) => {
    // Later requests complete first.
    setTimeout(() => response.end(incoming.url), 20 - Number(incoming.url?.slice(1)));
  });
  const client = new Client(origin, { pipelining: 20 });
  t.after(() => client.destroy());
  const responses = await Promise.all(
    Array.from({ length: 20 }, async (_, number) => {
      const { body } = await client.request({ path: `/peer/app/${number}`, method: 'GET', headers });
      return text(body);
    }),
  );
  assert.deepEqual(
    responses,
    Array.from({ length: 20 }, (_, number) => `/${number}`),
  );
});

test('a pool of connections under load gets the right response for each request', async (t) => {
  const { origin } = await gatewayFor(t, async (incoming, response) => {
    response.end(`${incoming.url} ${await text(incoming)}`);
  });
  const pool = new Pool(origin, { connections: 20 });
  t.after(() => pool.destroy());
  await Promise.all(
    Array.from({ length: 500 }, async (_, number) => {
      const body = `body ${number}`;
      const response = await pool.request({ path: `/peer/app/${number}`, method: 'POST', body, headers });
      assert.equal(await text(response.body), `/${number} ${body}`);
    }),
  );
});
