import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { chooseCredential, credentialFields, gatewayKeyOf, type Claim, type Credential } from './credential.ts';

type Header = Extract<Credential, { readonly kind: 'key' }>['header'];
type Expected = Exclude<Credential['kind'], 'key'> | readonly [header: Header, key: string];

interface Row {
  readonly what: string;
  readonly headers: readonly string[];
  readonly upgrade?: true;
  readonly is: Expected;
  /** The lease needs no credential. */
  readonly open?: true;
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
    is: ['x-api-key', 'k'],
  },
  {
    what: 'another scheme beside X-API-Key, commas and all',
    headers: ['X-API-Key', 'k', 'Authorization', 'Digest a="b", c="d"'],
    is: ['x-api-key', 'k'],
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
    ...{ upgrade: true, is: 'two', protocols: '' },
  },
  {
    what: 'a subprotocol beside Authorization',
    headers: ['Authorization', 'Bearer t', protocols, 'portal-gateway.bearer.k'],
    ...{ upgrade: true, is: ['sec-websocket-protocol', 'k'], protocols: '' },
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

const ours = ['Authorization', 'Bearer k'];
const apps = ['Authorization', 'Bearer t'];

const whose: readonly Row[] = [
  { what: 'X-Gateway-Key', headers: ['X-Gateway-Key', 'k'], is: ['x-gateway-key', 'k'] },
  { what: 'X-Gateway-Key, whatever it looks like', headers: ['x-gateway-key', 't'], is: ['x-gateway-key', 't'] },
  { what: 'an empty X-Gateway-Key is a wrong one', headers: ['X-Gateway-Key', ''], is: ['x-gateway-key', ''] },
  { what: 'X-Gateway-Key twice', headers: ['X-Gateway-Key', 'k', 'x-gateway-key', 'k'], is: 'ambiguous' },
  {
    what: 'beside X-Gateway-Key the others are the app’s, also where they hold keys of ours, twice or joined',
    headers: ['X-Gateway-Key', 'k', 'X-API-Key', 'k', 'X-API-Key', 'k', ...ours, 'Authorization', 'Bearer k, k'],
    is: ['x-gateway-key', 'k'],
  },
  {
    what: 'a subprotocol beside X-Gateway-Key',
    headers: ['X-Gateway-Key', 'k', protocols, 'portal-gateway.bearer.k'],
    ...{ upgrade: true, is: 'two', protocols: '' },
  },
  { what: 'two keys of ours', headers: ['X-API-Key', 'k', ...ours], is: 'two' },
  { what: 'our key in X-API-Key', headers: ['X-API-Key', 'k', ...apps], is: ['x-api-key', 'k'] },
  { what: 'our key in Authorization', headers: ['X-API-Key', 't', ...ours], is: ['authorization', 'k'] },
  { what: 'perhaps our key in X-API-Key', headers: ['X-API-Key', 'p', ...apps], is: ['x-api-key', 'p'] },
  {
    what: 'perhaps our key in Authorization',
    headers: ['X-API-Key', 't', 'Authorization', 'Bearer p'],
    is: ['authorization', 'p'],
  },
  { what: 'a certain one before a possible one', headers: ['X-API-Key', 'p', ...ours], is: ['authorization', 'k'] },
  { what: 'neither is ours', headers: ['X-API-Key', 't', ...apps], is: ['x-api-key', 't'] },
  {
    what: 'X-API-Key that is not ours beside a subprotocol',
    headers: ['X-API-Key', 't', protocols, 'portal-gateway.bearer.k'],
    ...{ upgrade: true, is: ['sec-websocket-protocol', 'k'], protocols: '' },
  },
  {
    what: 'our key in Authorization beside a subprotocol',
    headers: [...ours, protocols, 'portal-gateway.bearer.k'],
    ...{ upgrade: true, is: 'two', protocols: '' },
  },
  { what: 'our key without a scheme beside another', headers: ['X-API-Key', 'k', 'Authorization', 'k'], is: 'two' },
  { what: 'open: nothing', headers: [], open: true, is: 'none' },
  { what: 'open: a token of the app', headers: apps, open: true, is: 'none' },
  { what: 'open: another scheme', headers: ['Authorization', 'Basic dTpw'], open: true, is: 'none' },
  { what: 'open: X-API-Key of the app', headers: ['X-API-Key', 't'], open: true, is: 'none' },
  { what: 'open: both of the app', headers: ['X-API-Key', 't', ...apps], open: true, is: 'none' },
  { what: 'open: our key', headers: ours, open: true, is: ['authorization', 'k'] },
  { what: 'open: our key in X-API-Key', headers: ['X-API-Key', 'k'], open: true, is: ['x-api-key', 'k'] },
  { what: 'open: perhaps our key', headers: ['X-API-Key', 'p', ...apps], open: true, is: ['x-api-key', 'p'] },
  { what: 'open: our key without a scheme stays with us', headers: ['Authorization', 'k'], open: true, is: 'unusable' },
  {
    what: 'open: our key beside a token of the app',
    headers: ['X-API-Key', 't', ...ours],
    open: true,
    is: ['authorization', 'k'],
  },
  { what: 'open: two keys of ours', headers: ['X-API-Key', 'k', ...ours], open: true, is: 'two' },
];

/** Classifies the tokens of the table: our keys, possible keys, the app's tokens. */
function claimOf(token: string): Claim {
  if (/^(?:k|schl)/.test(token)) return 'ours';
  return token.startsWith('p') ? 'possible' : 'foreign';
}

describe('which credential counts', () => {
  for (const { what, headers, upgrade = false, open = false, is, protocols: left } of [...rows, ...whose]) {
    test(what, () => {
      const fields = credentialFields(headers);
      const found = chooseCredential(fields, { upgrade, isOpen: () => open, claimOf });
      assert.deepEqual(found, typeof is === 'string' ? { kind: is } : { kind: 'key', header: is[0], key: is[1] });
      assert.equal(fields.protocols, left);
    });
  }
});

test('where all other headers are the app’s, X-Gateway-Key alone counts', () => {
  const of = (...headers: string[]): Credential => gatewayKeyOf(credentialFields(headers));
  assert.deepEqual(of(...ours, 'X-API-Key', 'k', protocols, 'portal-gateway.bearer.k'), { kind: 'none' });
  assert.deepEqual(of(...ours, 'X-Gateway-Key', 'k'), { kind: 'key', header: 'x-gateway-key', key: 'k' });
  assert.deepEqual(of('X-Gateway-Key', 'k', 'X-Gateway-Key', 'k'), { kind: 'ambiguous' });
});
