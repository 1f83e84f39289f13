import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { test, type TestContext } from 'node:test';
import { text } from 'node:stream/consumers';
import { about, leaseId, testSigner } from '../../../test/helpers/assertions.ts';
import { call, exposeApp } from '../../../test/helpers/exposed-app.ts';
import { temporaryDirectory } from '../../../test/helpers/cli.ts';
import { ScriptedPipe } from '../../../test/helpers/scripted-pipe.ts';
import { errorTable } from '../../kernel/errors/error-table.ts';
import { AssertionGate } from './assertion-gate.ts';

test('rejections are problems with a code, and the tunnel stays open', async (t) => {
  const path = join(await temporaryDirectory(t), 'keys.json');
  const faults: string[] = [];
  const gate = new AssertionGate({ kind: 'file', path }, 'A'.repeat(26), (event) => {
    if (event.type === 'assertion_refused') faults.push(event.fault);
  });
  t.after(() => {
    gate.close();
  });
  const app = await exposeApp(t, () => assert.fail('a refused request reached the app'), { gate });
  const over = app.tunnel().client;

  const unknown = await call(app, { headers: { 'x-request-id': 'id-1' }, over });
  assert.equal(unknown.statusCode, errorTable.assertion_keys_unavailable.status);
  assert.deepEqual(await problemIn(unknown), ['assertion_keys_unavailable', 'about:blank', 'id-1']);
  assert.equal(unknown.headers['retry-after'], '2');
  assert.match(unknown.headers['proxy-status']?.toString() ?? '', /^portal-expose; error=proxy_internal_response;/);

  const { publicKey } = generateKeyPairSync('ed25519');
  await writeFile(path, JSON.stringify({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k' }] }));
  await gate.look();
  for (const assertion of [undefined, 'forged', 'a.b.c']) {
    const headers = { 'x-request-id': 'id-1', ...(assertion !== undefined && { 'x-gateway-assertion': assertion }) };
    const refused = await call(app, { headers, over });
    assert.equal(refused.statusCode, errorTable.assertion_required.status);
    assert.deepEqual(await problemIn(refused), ['assertion_required', 'about:blank', 'id-1']);
    assert.equal(refused.headers['www-authenticate'], 'Gateway-Assertion');
    assert.match(refused.headers['proxy-status']?.toString() ?? '', /^portal-expose; error=http_request_denied;/);
  }
  assert.deepEqual(faults, ['missing', 'malformed', 'malformed']);

  const page = await call(app, { headers: { accept: 'text/html' }, over });
  assert.match(await text(page), /<code>assertion_required<\/code>/);
});

interface Admitting {
  readonly gate: AssertionGate;
  readonly assertion: string;
}

/** A gate with keys, and an assertion that it admits. */
async function admitting(t: TestContext): Promise<Admitting> {
  const path = join(await temporaryDirectory(t), 'keys.json');
  const { signer, jwks } = testSigner(Date.now());
  await writeFile(path, JSON.stringify(jwks));
  const gate = new AssertionGate({ kind: 'file', path }, leaseId, () => undefined);
  t.after(() => {
    gate.close();
  });
  await gate.look();
  return { gate, assertion: signer.forLease(about()) ?? '' };
}

test('a body that arrives while the assertion is checked reaches the app whole', async (t) => {
  const { gate, assertion } = await admitting(t);
  const app = await exposeApp(t, (request, response) => void text(request).then((body) => response.end(body)), {
    gate,
  });
  const over = app.tunnel().client;
  for (const body of ['small', 'x'.repeat(300_000)]) {
    const headers = { 'x-gateway-assertion': assertion };
    const response = await call(app, { method: 'POST', headers, body: Readable.from([body]), over });
    assert.equal(await text(response), body);
  }
});

test('a request whose caller leaves while its assertion is checked does not reach the app', async (t) => {
  const { gate, assertion } = await admitting(t);
  let requests = 0;
  const app = await exposeApp(
    t,
    (_request, response) => {
      requests += 1;
      response.end();
    },
    { gate },
  );
  const head = `GET / HTTP/1.1\r\nHost: x\r\nX-Gateway-Assertion: ${assertion}\r\n\r\n`;
  const pipe = new ScriptedPipe();
  app.bridge.accept(pipe);
  pipe.receive(head);
  pipe.fail(new Error('the caller left'));
  const next = new ScriptedPipe();
  app.bridge.accept(next);
  next.receive(head);
  while (!next.text.includes(' 200 ')) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(requests, 1);
  assert.deepEqual(pipe.written, []);
});

async function problemIn(response: Parameters<typeof text>[0] & { headers: object }): Promise<unknown[]> {
  const { code, type, request_id } = JSON.parse(await text(response)) as Record<string, unknown>;
  return [code, type, request_id];
}
