import assert from 'node:assert/strict';
import { test } from 'node:test';
import { anonymous, type Principal } from '../../guard/principal.ts';
import { callerHeaders } from './caller-headers.ts';

const key: Principal = { id: 'billing', kind: 'key', scopes: ['read', 'mcp'] };

test('of a key the app learns its name and scopes', () => {
  assert.deepEqual(callerHeaders(key), ['X-Gateway-Key-Id', 'billing', 'X-Gateway-Scopes', 'read mcp']);
});

test('of a key without scopes, its name', () => {
  assert.deepEqual(callerHeaders({ ...key, scopes: [] }), ['X-Gateway-Key-Id', 'billing']);
});

test('of a token, its subject and tenant, and no name of a key', () => {
  const token: Principal = { id: 'billing', kind: 'token', scopes: [], subject: 'u1', tenant: 'acme' };
  assert.deepEqual(callerHeaders(token), ['X-Gateway-Subject', 'u1', 'X-Gateway-Tenant', 'acme']);
});

test('of anonymous, nothing', () => {
  assert.deepEqual(callerHeaders(anonymous), []);
});

test('what an issuer calls a subject breaks no header, and stays itself', () => {
  const valueOf = (subject: string): string | undefined =>
    callerHeaders({ id: 'x', kind: 'token', scopes: [], subject })[1];
  assert.equal(valueOf('a\r\nX-Gateway-Key-Id: root'), 'a%0D%0AX-Gateway-Key-Id:%20root');
  assert.equal(valueOf('100%'), '100%25');
  assert.equal(valueOf('zoë'), 'zo%C3%AB');
  assert.equal(decodeURIComponent(valueOf('\ud800|%41 ü') ?? ''), '\ufffd|%41 ü');
});
