import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CorsRules, type CorsSettings } from './cors.ts';

const page = 'https://app.example';
const settings: CorsSettings = {
  origins: ['https://App.example', 'null'],
  methods: ['PUT'],
  headers: ['Authorization', 'X-Custom'],
  credentials: true,
  maxAgeMs: 90_500,
};

function rules(over: Partial<CorsSettings> = {}): CorsRules {
  return new CorsRules({ ...settings, ...over });
}

/** The value of one header, in a list of names and values. */
function field(headers: readonly string[], name: string): string | undefined {
  const at = headers.findIndex((text, i) => i % 2 === 0 && text === name);
  return at === -1 ? undefined : headers[at + 1];
}

test('names an allowed origin, allows its credentials, and sets Vary', () => {
  const headers = rules().headersFor(page);
  assert.equal(field(headers, 'Access-Control-Allow-Origin'), page);
  assert.equal(field(headers, 'Access-Control-Allow-Credentials'), 'true');
  assert.match(field(headers, 'Access-Control-Expose-Headers') ?? '', /X-Request-ID/);
  assert.equal(field(headers, 'Vary'), 'Origin');
  assert.equal(field(rules({ credentials: false }).headersFor(page), 'Access-Control-Allow-Credentials'), undefined);
  assert.equal(field(rules().headersFor('null'), 'Access-Control-Allow-Origin'), 'null');
});

test('reveals nothing to a disallowed or missing origin, except Vary', () => {
  for (const origin of ['https://evil.example', 'https://app.example.evil.test', 'http://app.example', '', undefined]) {
    assert.deepEqual(rules().headersFor(origin), ['Vary', 'Origin'], String(origin));
  }
  assert.deepEqual(rules().preflight('https://evil.example', { method: 'PUT', headers: 'x' }), [
    'Vary',
    'Origin, Access-Control-Request-Method, Access-Control-Request-Headers',
  ]);
});

test('if any origin is allowed, names none and never allows credentials', () => {
  const any = rules({ origins: ['*'] });
  for (const origin of [page, undefined]) {
    const headers = any.headersFor(origin);
    assert.equal(field(headers, 'Access-Control-Allow-Origin'), '*');
    assert.equal(field(headers, 'Access-Control-Allow-Credentials'), undefined);
    assert.equal(field(headers, 'Vary'), undefined);
  }
});

test('a preflight response lists methods, headers and the cache duration', () => {
  const headers = rules().preflight(page, { method: 'DELETE', headers: 'x-other' });
  assert.equal(field(headers, 'Access-Control-Allow-Origin'), page);
  assert.equal(field(headers, 'Access-Control-Allow-Credentials'), 'true');
  assert.equal(field(headers, 'Access-Control-Allow-Methods'), 'GET, HEAD, POST, PUT');
  assert.equal(field(headers, 'Access-Control-Allow-Headers'), 'Authorization, X-Custom');
  assert.equal(field(headers, 'Access-Control-Max-Age'), '90');
  assert.equal(field(headers, 'Access-Control-Expose-Headers'), undefined);
});

test('`any` methods and headers are echoed from the request', () => {
  const any = rules({ methods: ['*'], headers: ['*'], maxAgeMs: 0 });
  const headers = any.preflight(page, { method: 'PATCH', headers: 'authorization,x-a' });
  assert.equal(field(headers, 'Access-Control-Allow-Methods'), 'PATCH');
  assert.equal(field(headers, 'Access-Control-Allow-Headers'), 'authorization,x-a');
  assert.equal(field(headers, 'Access-Control-Max-Age'), '0');
  assert.equal(field(any.preflight(page, { method: 'PATCH', headers: '' }), 'Access-Control-Allow-Headers'), undefined);
});
