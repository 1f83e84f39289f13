// Errors in the form that their client reads, from the gateway and from `expose`.
import assert from 'node:assert/strict';
import { text } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { call, exposeApp } from '../helpers/exposed-app.ts';
import { key, startPlainGateway } from '../helpers/plain-gateway.ts';

/** `APIError.generate()` of `openai` 7.59.0: reads the member `error` and ignores the rest. */
function shownByOpenAi(body: string): unknown {
  const { error } = JSON.parse(body) as { error?: { message?: string; type?: string; code?: string } };
  return [error?.message, error?.type, error?.code];
}

/** `APIError` of `@anthropic-ai/sdk` 1.14.0: its `apiMessage` and `type`. */
function shownByAnthropic(body: string): unknown {
  const { error } = JSON.parse(body) as { error?: { message?: string; type?: string } };
  return [error?.message, error?.type];
}

describe('an error of the gateway', () => {
  const missing = 'No relay lists a lease with this name or id: check its spelling, and that its app is running.';
  const openai = ['Authorization', `Bearer ${key}`, 'X-Stainless-Lang', 'js', 'Accept', 'application/json'];
  const anthropic = ['X-API-Key', key, 'anthropic-version', '2023-06-01', 'Accept', 'application/json'];

  for (const [what, path, headers] of [
    ['the path /v1/', '/peer/nobody/v1/chat/completions', ['X-API-Key', key]],
    ['headers of OpenAI’s SDK', '/peer/nobody/chat', openai],
    ['headers of Anthropic’s SDK', '/peer/nobody/', anthropic],
  ] as const) {
    it(`has an error member for ${what}`, async (t) => {
      const gateway = await startPlainGateway(t, () => undefined);
      const response = await gateway.call(path, { method: 'POST', headers, body: '{}' });
      assert.deepEqual([response.status, response.message.headers['content-type']], [404, 'application/problem+json']);
      assert.deepEqual(shownByOpenAi(response.text), [missing, 'not_found_error', 'lease_not_found']);
      assert.deepEqual(shownByAnthropic(response.text), [missing, 'not_found_error']);
    });
  }

  it('has none for others', async (t) => {
    const gateway = await startPlainGateway(t, () => undefined);
    assert.equal('error' in (JSON.parse((await gateway.call('/peer/nobody/')).text) as object), false);
  });

  it('is a page that says what to do, for a browser', async (t) => {
    const gateway = await startPlainGateway(t, () => undefined);
    const page = await gateway.call('/peer/app/', { headers: ['Accept', 'text/html,*/*;q=0.8'] });
    assert.equal(page.status, 401);
    assert.match(page.text, /Send an API key as <code>Authorization: Bearer<\/code>/);
    assert.match(page.text, /What to do\.<\/b> Send an API key as <code>X-Gateway-Key<\/code>/);
    assert.doesNotMatch(page.text, /`/);
  });

  it('is a gRPC status over HTTP/1.1, too', async (t) => {
    const gateway = await startPlainGateway(t, () => undefined);
    const headers = ['X-API-Key', key, 'Content-Type', 'application/grpc-web+proto'];
    const { status, message, text: body } = await gateway.call('/peer/nobody/', { method: 'POST', headers, body: '' });
    assert.deepEqual([status, body, message.headers['grpc-status']], [200, '', '5']);
    assert.equal(message.headers['grpc-message'], missing);
    assert.equal(message.headers['content-type'], 'application/grpc-web+proto');
  });
});

describe('an error of `expose`', () => {
  const path = '/v1/messages';

  it('has the same forms', async (t) => {
    const s = await exposeApp(t, ({ socket }) => socket.destroy());
    const sdk = await call(s, { path });
    assert.equal(sdk.statusCode, 502);
    assert.match(JSON.stringify(shownByAnthropic(await text(sdk))), /^\[".+","api_error"\]$/);
    const page = await text(await call(s, { path, headers: { accept: 'text/html' } }));
    assert.match(page, /What to do\.<\/b> Start the app, or correct the target of <code>expose<\/code>/);
    assert.doesNotMatch(page, /`|\]\(/);
    const grpc = await call(s, { path, headers: { 'content-type': 'application/grpc' } });
    assert.deepEqual([grpc.statusCode, grpc.headers['grpc-status'], await text(grpc)], [200, '14', '']);
  });
});
