import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { SignJWT } from 'jose';
import { about, leaseId, testSigner } from '../../../test/helpers/assertions.ts';
import { AssertionCheck } from './assertion-check.ts';

const start = Date.UTC(2030, 0, 1);
const request = { method: 'GET', target: '/' };

test('of concurrent requests with the same bound assertion, one passes', async () => {
  const { signer, jwks } = testSigner(start);
  const check = new AssertionCheck({ audience: leaseId, nowMs: () => start });
  check.setKeys(jwks);
  const assertion = signer.forRequest(about(), request);
  const faults = await Promise.all(Array.from({ length: 8 }, () => check.faultOf(assertion, request)));
  assert.deepEqual(faults.sort(), [...Array.from({ length: 7 }, () => 'replayed'), undefined]);
});

test('a bound assertion that expires while its signature is checked is rejected', async () => {
  const { signer, jwks, time } = testSigner(start);
  const check = new AssertionCheck({ audience: leaseId, nowMs: () => time.nowMs });
  check.setKeys(jwks);
  const assertion = signer.forRequest(about(), request);
  assert.equal(await check.faultOf(assertion, request), undefined);
  time.nowMs += 34_999;
  const pending = check.faultOf(assertion, request);
  time.nowMs += 1;
  // Its id is forgotten as soon as any other assertion is used.
  assert.equal(await check.faultOf(signer.forRequest(about(), request), request), undefined);
  assert.equal(await pending, 'expired');
});

test('text that is not a signed token is malformed', async () => {
  const { signer, jwks } = testSigner(start);
  const check = new AssertionCheck({ audience: leaseId, nowMs: () => start });
  check.setKeys(jwks);
  for (const text of ['', '.', '..', 'a.b', 'a.b.c', 'a.b.c.d', '\u0000.é.🙂', `${signer.forLease(about())}.`]) {
    assert.equal(await check.faultOf(text, request), 'malformed', JSON.stringify(text));
  }
});

test('an assertion that was valid before is rejected outside its time and without its key', async () => {
  const { signer, jwks, time } = testSigner(start);
  const check = new AssertionCheck({ audience: leaseId, nowMs: () => time.nowMs });
  const at = async (afterMs: number): Promise<unknown> => {
    time.nowMs = start + afterMs;
    return check.faultOf(assertion, request);
  };
  check.setKeys(jwks);
  const assertion = signer.forLease(about());
  for (const round of ['checked', 'remembered']) {
    assert.equal(await at(0), undefined, round);
    assert.equal(await at(64_999), undefined, round);
    assert.equal(await at(65_000), 'expired', round);
    assert.equal(await at(-5_000), undefined, round);
    assert.equal(await at(-5_001), 'not_yet', round);
  }
  check.setKeys(testSigner(start).jwks);
  assert.equal(await at(0), 'unknown_key');
});

test('keys that are replaced during a check are not used again', async () => {
  const { signer, jwks } = testSigner(start);
  const check = new AssertionCheck({ audience: leaseId, nowMs: () => start });
  check.setKeys(jwks);
  const assertion = signer.forLease(about());
  const pending = check.faultOf(assertion, request);
  check.setKeys(testSigner(start).jwks);
  assert.equal(await pending, undefined);
  assert.equal(await check.faultOf(assertion, request), 'unknown_key');
});

test('an assertion has one spelling', async () => {
  const { signer, jwks } = testSigner(start);
  const check = new AssertionCheck({ audience: leaseId, nowMs: () => start });
  check.setKeys(jwks);
  const assertion = signer.forLease(about()) ?? '';
  const inSignature = `${assertion.slice(0, -5)} ${assertion.slice(-5)}`;
  for (const text of [
    `${assertion}=`,
    `${assertion}==`,
    `${assertion} `,
    ` ${assertion}`,
    inSignature,
    `${assertion}\t`,
  ]) {
    assert.equal(await check.faultOf(text, request), 'malformed', JSON.stringify(text));
  }
  assert.equal(await check.faultOf(assertion, request), undefined);
});

test('an assertion for several leases is valid for none of them', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const check = new AssertionCheck({ audience: leaseId, nowMs: () => start });
  check.setKeys({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'one' }] });
  const signed = (audience: string | string[]): Promise<string> =>
    new SignJWT({ iat: start / 1000, exp: start / 1000 + 60 })
      .setProtectedHeader({ alg: 'EdDSA', kid: 'one' })
      .setAudience(audience)
      .sign(privateKey);
  assert.equal(await check.faultOf(await signed(leaseId), request), undefined);
  for (const audience of [[leaseId], [leaseId, 'B'.repeat(26)]]) {
    assert.equal(await check.faultOf(await signed(audience), request), 'wrong_audience');
  }
});

test('a remembered assertion is not valid before its nbf', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  let nowMs = start + 20_000;
  const check = new AssertionCheck({ audience: leaseId, nowMs: () => nowMs });
  check.setKeys({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'one' }] });
  const assertion = await new SignJWT({ iat: start / 1000, nbf: start / 1000 + 20, exp: start / 1000 + 60 })
    .setProtectedHeader({ alg: 'EdDSA', kid: 'one' })
    .setAudience(leaseId)
    .sign(privateKey);
  assert.equal(await check.faultOf(assertion, request), undefined);
  nowMs = start + 14_000;
  assert.notEqual(await check.faultOf(assertion, request), undefined);
});
