import assert from 'node:assert/strict';
import { test } from 'node:test';
import { anonymous, type Principal } from '../../guard/principal.ts';
import { callerHeaders } from './caller-headers.ts';

const key: Principal = { id: 'billing', kind: 'key', scopes: ['read', 'mcp'] };

test('a key passes its name and scopes to the app', () => {
  assert.deepEqual(callerHeaders(key), ['X-Gateway-Key-Id', 'billing', 'X-Gateway-Scopes', 'read mcp']);
});

test('a key without scopes passes its name', () => {
  assert.deepEqual(callerHeaders({ ...key, scopes: [] }), ['X-Gateway-Key-Id', 'billing']);
});

test('a token passes its subject and tenant, and no key name', () => {
  const token: Principal = { id: 'billing', kind: 'token', scopes: [], subject: 'u1', tenant: 'acme' };
  assert.deepEqual(callerHeaders(token), ['X-Gateway-Subject', 'u1', 'X-Gateway-Tenant', 'acme']);
});

test('an anonymous caller passes nothing', () => {
  assert.deepEqual(callerHeaders(anonymous), []);
});

test('any subject from an issuer fits a header and stays unique', () => {
  const valueOf = (subject: string): string | undefined =>
    callerHeaders({ id: 'x', kind: 'token', scopes: [], subject })[1];
  assert.equal(valueOf('a\r\nX-Gateway-Key-Id: root'), 'a%0D%0AX-Gateway-Key-Id:%20root');
  assert.equal(valueOf('100%'), '100%25');
  assert.equal(valueOf('zoë'), 'zo%C3%AB');
  assert.equal(decodeURIComponent(valueOf('\ud800|%41 ü') ?? ''), '\ufffd|%41 ü');
});
