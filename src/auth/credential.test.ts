import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { findCredential, type Credential } from './credential.ts';

type Expected =
  Credential['kind'] | readonly [header: 'x-api-key' | 'authorization' | 'sec-websocket-protocol', key: string];

interface Row {
  readonly what: string;
  readonly headers: readonly string[];
  readonly upgrade?: true;
  readonly is: Expected;
  readonly beside?: string;
  readonly protocols?: string;
}

const protocols = 'Sec-WebSocket-Protocol';

const rows: readonly Row[] = [
  { what: 'none', headers: ['Host', 'x', 'Accept', '*/*'], is: 'none' },
  { what: 'X-API-Key', headers: ['X-API-Key', 'k'], is: ['x-api-key', 'k'] },
  { what: 'X-API-Key in other case', headers: ['x-aPI-kEY', 'k'], is: ['x-api-key', 'k'] },
  { what: 'an empty X-API-Key is a wrong one, not none', headers: ['X-API-Key', ''], is: ['x-api-key', ''] },
  { what: 'X-API-Key twice', headers: ['X-API-Key', 'k', 'x-api-key', 'k'], is: 'ambiguous' },
  { what: 'X-API-Key with a comma is one key, and wrong', headers: ['X-API-Key', 'k, k'], is: ['x-api-key', 'k, k'] },
  { what: 'Bearer', headers: ['Authorization', 'Bearer k'], is: ['authorization', 'k'] },
  { what: 'Bearer in other case', headers: ['AUTHORIZATION', 'bEARER k'], is: ['authorization', 'k'] },
  { what: 'Bearer and more space', headers: ['Authorization', 'Bearer \t k '], is: ['authorization', 'k'] },
  { what: 'Bearer alone', headers: ['Authorization', 'Bearer'], is: 'unusable' },
  { what: 'Bearer and space alone', headers: ['Authorization', 'Bearer  '], is: 'unusable' },
  { what: 'a scheme that begins like it', headers: ['Authorization', 'BearerX k'], is: 'unusable' },
  { what: 'a key without a scheme', headers: ['Authorization', 'k'], is: 'unusable' },
  { what: 'Basic', headers: ['Authorization', 'Basic dTpw'], is: 'unusable' },
  { what: 'an empty Authorization', headers: ['Authorization', ''], is: 'unusable' },
  { what: 'Authorization twice', headers: ['Authorization', 'Bearer k', 'Authorization', 'Basic x'], is: 'ambiguous' },
  { what: 'two tokens in one', headers: ['Authorization', 'Bearer k, Bearer l'], is: 'ambiguous' },
  { what: 'a comma behind the token', headers: ['Authorization', 'Bearer k,'], is: 'ambiguous' },
  {
    what: 'a bearer token beside X-API-Key',
    headers: ['Authorization', 'Bearer t', 'X-API-Key', 'k'],
    ...{ is: ['x-api-key', 'k'], beside: 't' },
  },
  {
    what: 'another scheme beside X-API-Key, commas and all',
    headers: ['X-API-Key', 'k', 'Authorization', 'Digest a="b", c="d"'],
    ...{ is: ['x-api-key', 'k'], beside: 'Digest a="b", c="d"' },
  },
  {
    what: 'two bearer tokens beside X-API-Key',
    headers: ['X-API-Key', 'k', 'Authorization', 'Bearer t, u'],
    is: 'ambiguous',
  },
  {
    what: 'a subprotocol',
    headers: [protocols, 'portal-gateway.bearer.k, chat'],
    ...{ upgrade: true, is: ['sec-websocket-protocol', 'k'], protocols: 'chat' },
  },
  {
    what: 'a subprotocol alone, on the second of two lines',
    headers: [protocols, 'a,b', protocols, 'portal-gateway.bearer.k'],
    ...{ upgrade: true, is: ['sec-websocket-protocol', 'k'], protocols: 'a, b' },
  },
  {
    what: 'a subprotocol without a key in it is a wrong one',
    headers: [protocols, 'portal-gateway.bearer.'],
    ...{ upgrade: true, is: ['sec-websocket-protocol', ''], protocols: '' },
  },
  {
    what: 'subprotocols are told apart by case (RFC 6455 §4.1)',
    headers: [protocols, 'Portal-Gateway.bearer.k'],
    ...{ upgrade: true, is: 'none' },
  },
  {
    what: 'two subprotocols with a key, and none of them is left',
    headers: [protocols, 'portal-gateway.bearer.k, portal-gateway.bearer.k'],
    ...{ upgrade: true, is: 'ambiguous', protocols: '' },
  },
  {
    what: 'a subprotocol beside X-API-Key',
    headers: [protocols, 'portal-gateway.bearer.k', 'X-API-Key', 'k'],
    ...{ upgrade: true, is: 'ambiguous', protocols: '' },
  },
  {
    what: 'a subprotocol beside Authorization',
    headers: ['Authorization', 'Bearer t', protocols, 'portal-gateway.bearer.k'],
    ...{ upgrade: true, is: ['sec-websocket-protocol', 'k'], beside: 't', protocols: '' },
  },
  {
    what: 'a subprotocol of what is no upgrade: no credential, and not for the app',
    headers: [protocols, 'chat, portal-gateway.bearer.k'],
    ...{ is: 'none', protocols: 'chat' },
  },
  {
    what: 'letters beyond ASCII, as UTF-8',
    headers: ['X-API-Key', Buffer.from('schlüssel').toString('latin1')],
    is: ['x-api-key', 'schlüssel'],
  },
  {
    what: 'bytes that are no UTF-8, as they are',
    headers: ['X-API-Key', 'schl\xfcssel'],
    is: ['x-api-key', 'schlüssel'],
  },
];

describe('which credential counts', () => {
  for (const { what, headers, upgrade = false, is, beside, protocols: left } of rows) {
    test(what, () => {
      const found = findCredential(headers, upgrade);
      const expected = typeof is === 'string' ? { kind: is } : { kind: 'key', header: is[0], key: is[1], beside };
      assert.deepEqual(found, { credential: expected, protocols: left });
    });
  }
});
