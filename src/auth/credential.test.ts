import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { holdsKey } from './hidden-keys.ts';
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
  /** A key may be the password of Basic. */
  readonly basic?: true;
}

const protocols = 'Sec-WebSocket-Protocol';

const rows: readonly Row[] = [
  { what: 'none', headers: ['Host', 'x', 'Accept', '*/*'], is: 'none' },
  { what: 'X-API-Key', headers: ['X-API-Key', 'k'], is: ['x-api-key', 'k'] },
  { what: 'X-API-Key in another case', headers: ['x-aPI-kEY', 'k'], is: ['x-api-key', 'k'] },
  { what: 'an empty X-API-Key is invalid, not missing', headers: ['X-API-Key', ''], is: ['x-api-key', ''] },
  { what: 'X-API-Key twice', headers: ['X-API-Key', 'k', 'x-api-key', 'k'], is: 'ambiguous' },
  { what: 'X-API-Key with a comma is one invalid key', headers: ['X-API-Key', 'k, k'], is: ['x-api-key', 'k, k'] },
  { what: 'Bearer', headers: ['Authorization', 'Bearer k'], is: ['authorization', 'k'] },
  { what: 'Bearer in another case', headers: ['AUTHORIZATION', 'bEARER k'], is: ['authorization', 'k'] },
  { what: 'Bearer with more space', headers: ['Authorization', 'Bearer \t k '], is: ['authorization', 'k'] },
  { what: 'only Bearer', headers: ['Authorization', 'Bearer'], is: 'unusable' },
  { what: 'only Bearer and space', headers: ['Authorization', 'Bearer  '], is: 'unusable' },
  { what: 'a scheme that begins with Bearer', headers: ['Authorization', 'BearerX k'], is: 'unusable' },
  { what: 'a key without a scheme', headers: ['Authorization', 'k'], is: 'unusable' },
  { what: 'Basic', headers: ['Authorization', 'Basic dTpw'], is: 'unusable' },
  { what: 'an empty Authorization', headers: ['Authorization', ''], is: 'unusable' },
  { what: 'Authorization twice', headers: ['Authorization', 'Bearer k', 'Authorization', 'Basic x'], is: 'ambiguous' },
  { what: 'two tokens in one field', headers: ['Authorization', 'Bearer k, Bearer l'], is: 'ambiguous' },
  { what: 'a comma after the token', headers: ['Authorization', 'Bearer k,'], is: 'ambiguous' },
  {
    what: 'a bearer token beside X-API-Key',
    headers: ['Authorization', 'Bearer t', 'X-API-Key', 'k'],
    is: ['x-api-key', 'k'],
  },
  {
    what: 'another scheme with commas beside X-API-Key',
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
    what: 'only a subprotocol, on the second of two lines',
    headers: [protocols, 'a,b', protocols, 'portal-gateway.bearer.k'],
    ...{ upgrade: true, is: ['sec-websocket-protocol', 'k'], protocols: 'a, b' },
  },
  {
    what: 'a subprotocol without a key is invalid',
    headers: [protocols, 'portal-gateway.bearer.'],
    ...{ upgrade: true, is: ['sec-websocket-protocol', ''], protocols: '' },
  },
  {
    what: 'subprotocols are case-sensitive (RFC 6455 §4.1)',
    headers: [protocols, 'Portal-Gateway.bearer.k'],
    ...{ upgrade: true, is: 'none' },
  },
  {
    what: 'two subprotocols with a key, both removed',
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
    what: 'a subprotocol without an upgrade: no credential, and hidden from the app',
    headers: [protocols, 'chat, portal-gateway.bearer.k'],
    ...{ is: 'none', protocols: 'chat' },
  },
  {
    what: 'non-ASCII letters, as UTF-8',
    headers: ['X-API-Key', Buffer.from('schlüssel').toString('latin1')],
    is: ['x-api-key', 'schlüssel'],
  },
  {
    what: 'bytes that are not UTF-8, unchanged',
    headers: ['X-API-Key', 'schl\xfcssel'],
    is: ['x-api-key', 'schlüssel'],
  },
];

const ours = ['Authorization', 'Bearer k'];
const apps = ['Authorization', 'Bearer t'];

const whose: readonly Row[] = [
  { what: 'X-Gateway-Key', headers: ['X-Gateway-Key', 'k'], is: ['x-gateway-key', 'k'] },
  { what: 'X-Gateway-Key with any content', headers: ['x-gateway-key', 't'], is: ['x-gateway-key', 't'] },
  { what: 'an empty X-Gateway-Key is invalid', headers: ['X-Gateway-Key', ''], is: ['x-gateway-key', ''] },
  { what: 'X-Gateway-Key twice', headers: ['X-Gateway-Key', 'k', 'x-gateway-key', 'k'], is: 'ambiguous' },
  {
    what: 'beside X-Gateway-Key the others belong to the app, even if they contain keys of ours, repeated or joined',
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
  { what: 'a possible key of ours in X-API-Key', headers: ['X-API-Key', 'p', ...apps], is: ['x-api-key', 'p'] },
  {
    what: 'a possible key of ours in Authorization',
    headers: ['X-API-Key', 't', 'Authorization', 'Bearer p'],
    is: ['authorization', 'p'],
  },
  {
    what: 'a certain key has precedence over a possible one',
    headers: ['X-API-Key', 'p', ...ours],
    is: ['authorization', 'k'],
  },
  { what: 'neither key is ours', headers: ['X-API-Key', 't', ...apps], is: ['x-api-key', 't'] },
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
  { what: 'open: both credentials of the app', headers: ['X-API-Key', 't', ...apps], open: true, is: 'none' },
  { what: 'open: our key', headers: ours, open: true, is: ['authorization', 'k'] },
  { what: 'open: our key in X-API-Key', headers: ['X-API-Key', 'k'], open: true, is: ['x-api-key', 'k'] },
  { what: 'open: a possible key of ours', headers: ['X-API-Key', 'p', ...apps], open: true, is: ['x-api-key', 'p'] },
  {
    what: 'open: our key without a scheme is hidden from the app',
    headers: ['Authorization', 'k'],
    open: true,
    is: 'unusable',
  },
  {
    what: 'open: our key beside a token of the app',
    headers: ['X-API-Key', 't', ...ours],
    open: true,
    is: ['authorization', 'k'],
  },
  { what: 'open: two keys of ours', headers: ['X-API-Key', 'k', ...ours], open: true, is: 'two' },
];

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const basic = (text: string): readonly string[] => ['Authorization', `Basic ${base64(text)}`];

const withBasic: readonly Row[] = [
  { what: 'the password is the key', headers: basic('u:k'), basic: true, is: ['authorization', 'k'] },
  { what: 'without a user', headers: basic(':k'), basic: true, is: ['authorization', 'k'] },
  { what: 'with colons in the key', headers: basic('u:k:l:'), basic: true, is: ['authorization', 'k:l:'] },
  { what: 'with a key that is not ours', headers: basic('u:t'), basic: true, is: ['authorization', 't'] },
  { what: 'with UTF-8', headers: basic('ü:schlüssel'), basic: true, is: ['authorization', 'schlüssel'] },
  {
    what: 'with Latin-1',
    headers: ['Authorization', `Basic ${Buffer.from('u:schl\xfcssel', 'latin1').toString('base64')}`],
    ...{ basic: true, is: ['authorization', 'schlüssel'] },
  },
  {
    what: 'in another case, with more space',
    headers: ['authorization', `bASIC \t ${base64('u:k')} `],
    ...{ basic: true, is: ['authorization', 'k'] },
  },
  {
    what: 'without padding',
    headers: ['Authorization', `Basic ${base64('u:k2').replaceAll('=', '')}`],
    ...{ basic: true, is: ['authorization', 'k2'] },
  },
  { what: 'an empty password', headers: basic('u:'), basic: true, is: 'unusable' },
  { what: 'our key as the user', headers: basic('k:'), basic: true, is: 'unusable' },
  { what: 'no colon', headers: basic('k'), basic: true, is: 'unusable' },
  { what: 'not Base64', headers: ['Authorization', 'Basic u:k'], basic: true, is: 'unusable' },
  { what: 'no Base64', headers: ['Authorization', 'Basic'], basic: true, is: 'unusable' },
  { what: 'two credentials joined', headers: ['Authorization', 'Basic dTpr, Basic dTpr'], basic: true, is: 'unusable' },
  { what: 'too long', headers: basic(`u:k${'k'.repeat(4_096)}`), basic: true, is: 'unusable' },
  { what: 'beside our key', headers: [...basic('u:k'), 'X-API-Key', 'k'], basic: true, is: 'two' },
  {
    what: 'beside a key of the app',
    headers: [...basic('u:k'), 'X-API-Key', 't'],
    basic: true,
    is: ['authorization', 'k'],
  },
  {
    what: 'the app’s beside our key',
    headers: [...basic('u:t'), 'X-API-Key', 'k'],
    basic: true,
    is: ['x-api-key', 'k'],
  },
  {
    what: 'beside X-Gateway-Key',
    headers: [...basic('u:k'), 'X-Gateway-Key', 'k'],
    basic: true,
    is: ['x-gateway-key', 'k'],
  },
  {
    what: 'beside a subprotocol',
    headers: [...basic('u:k'), protocols, 'portal-gateway.bearer.k'],
    ...{ basic: true, upgrade: true, is: 'two', protocols: '' },
  },
  { what: 'open: our key', headers: basic('u:k'), basic: true, open: true, is: ['authorization', 'k'] },
  { what: 'open: a possible key', headers: basic('u:p'), basic: true, open: true, is: ['authorization', 'p'] },
  { what: 'open: a password of the app', headers: basic('u:t'), basic: true, open: true, is: 'none' },
  { what: 'off: our key', headers: basic('u:k'), is: 'unusable' },
  { what: 'off, open: our key is hidden from the app', headers: basic('u:k'), open: true, is: 'unusable' },
  { what: 'off, open: our key as the user is hidden', headers: basic('k:'), open: true, is: 'unusable' },
  { what: 'off, open: a possible key belongs to the app', headers: basic('u:p'), open: true, is: 'none' },
];

/** Classifies the tokens of the table: our keys, possible keys, the app's tokens. */
function claimOf(token: string): Claim {
  if (/^(?:k|schl)/.test(token)) return 'ours';
  return token.startsWith('p') ? 'possible' : 'foreign';
}

function assertChosen(row: Row): void {
  const { headers, is, protocols: left } = row;
  const [upgrade, open, basic] = [row.upgrade === true, row.open === true, row.basic === true];
  const fields = credentialFields(headers);
  const signs = { beginsIn: () => false, isKey: (token: string) => claimOf(token) === 'ours' };
  const found = chooseCredential(fields, {
    ...{ upgrade, isOpen: () => open, basic, claimOf },
    holdsKey: (value) => holdsKey(value, signs),
  });
  const { basic: isBasic = false, ...credential } = found as { readonly basic?: boolean };
  assert.deepEqual(credential, typeof is === 'string' ? { kind: is } : { kind: 'key', header: is[0], key: is[1] });
  assert.equal(fields.protocols, left);
  assert.equal(isBasic, basic && typeof is !== 'string' && is[0] === 'authorization');
}

describe('which credential is used', () => {
  for (const row of [...rows, ...whose]) {
    test(row.what, () => {
      assertChosen(row);
    });
  }
});

describe('Basic', () => {
  for (const row of withBasic) {
    test(row.what, () => {
      assertChosen(row);
    });
  }
});

test('on leases that read X-Gateway-Key only, all other headers belong to the app', () => {
  const of = (...headers: string[]): Credential => gatewayKeyOf(credentialFields(headers));
  assert.deepEqual(of(...ours, 'X-API-Key', 'k', protocols, 'portal-gateway.bearer.k'), { kind: 'none' });
  assert.deepEqual(of(...ours, 'X-Gateway-Key', 'k'), { kind: 'key', header: 'x-gateway-key', key: 'k' });
  assert.deepEqual(of('X-Gateway-Key', 'k', 'X-Gateway-Key', 'k'), { kind: 'ambiguous' });
});
