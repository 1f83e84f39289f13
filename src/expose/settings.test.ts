import assert from 'node:assert/strict';
import { test } from 'node:test';
import { appRequestHead, requestTrailers, responseTrailers } from './request/header-fields.ts';
import { hostFor, parseHostHeader } from './request/host-header.ts';
import { leaseNameFault } from './lease-name-fault.ts';
import { requestHead } from './request/check-request-head.ts';
import { parseTarget } from './app/target.ts';

const targets: readonly (readonly [string, string])[] = [
  ['3000', 'http://localhost:3000'],
  ['127.0.0.1:8000', 'http://127.0.0.1:8000'],
  ['[::1]:8000', 'http://[::1]:8000'],
  ['app.test', 'http://app.test'],
  ['http://app.test/', 'http://app.test'],
  ['https://app.test', 'https://app.test'],
  ['https://app.test:8443', 'https://app.test:8443'],
];
for (const [text, origin] of targets) {
  test(`the target ${text} is ${origin}`, () => {
    assert.equal(parseTarget(text).origin, origin);
  });
}

test('uses the default port of the scheme, and removes the brackets of an IPv6 address', () => {
  assert.equal(parseTarget('https://app.test').port, 443);
  assert.deepEqual(parseTarget('[::1]:8000').hostname, '::1');
});

const notTargets: readonly (readonly [string, RegExp])[] = [
  ['0', /not between 1 and 65535/],
  ['65536', /not between 1 and 65535/],
  ['', /neither a port/],
  ['a b', /neither a port/],
  ['localhost:x', /neither a port/],
  ['ftp://app.test', /scheme ftp:/],
  ['http://user:secret@app.test', /credentials/],
  ['http://app.test/base', /has a path/],
  ['http://app.test/?q', /has a path/],
];
for (const [text, reason] of notTargets) {
  test(`rejects the target ${JSON.stringify(text)}`, () => {
    assert.throws(
      () => parseTarget(text),
      (error) => error instanceof RangeError && reason.test(error.message),
    );
  });
}

test('the error for a rejected target never shows its credentials', () => {
  assert.throws(
    () => parseTarget('http://user:hunter2@app.test'),
    (error: Error) => !error.message.includes('hunter2'),
  );
});

for (const name of ['demo', 'My-App_2', 'größe', '日本語', 'हिन्दी', 'x'.repeat(128)]) {
  test(`accepts the name ${name.slice(0, 20)}`, () => {
    assert.equal(leaseNameFault(name), undefined);
  });
}

const notNames: readonly (readonly [string, RegExp])[] = [
  ['', /empty/],
  ['my app', /contains a space/],
  ['a/b', /path separator "\/"/],
  ['a\\b', /path separator "\\"/],
  ['-x', /begins with "-"/],
  ['..', /contains "\."/],
  ['a\nb', /unprintable character U\+000A/],
  ['a\u202eb', /unprintable character U\+202E/],
  ['a\u00a0b', /unprintable character U\+00A0/],
  ['x'.repeat(129), /129 characters/],
  ['😀'.repeat(300), /300 characters/],
  ['ABCDEFGHIJKLMNOPQRSTUVWXYZ', /has the format of a lease id/],
];
for (const [name, reason] of notNames) {
  test(`rejects the name ${JSON.stringify(name).slice(0, 30)}`, () => {
    assert.match(leaseNameFault(name) ?? '', reason);
  });
}

test('--host-header accepts a mode or a host, and nothing that could start a second header line', () => {
  const target = parseTarget('3000');
  assert.equal(hostFor(parseHostHeader('target'), target, 'a'), 'localhost:3000');
  assert.equal(hostFor(parseHostHeader('preserve'), target, 'a'), 'a');
  assert.equal(hostFor(parseHostHeader('preserve'), target, undefined), 'localhost:3000');
  assert.equal(hostFor(parseHostHeader('[::1]:80'), target, 'a'), '[::1]:80');
  for (const bad of ['', 'a b', 'a\r\nX: 1', 'a/b', 'größe', 'user@a', 'a:', 'a:99999', '[1:2]', '[fe80::1%eth0]'])
    assert.throws(() => parseHostHeader(bad), RangeError);
});

/** The fields that the app receives, without those that `expose` writes itself. */
function passed(headers: readonly string[]): string {
  const request = requestHead({ method: 'GET', target: '/', version: '1.1' }, ['Host', 'x', ...headers]);
  const lines = appRequestHead(request, 'app').toString('latin1').split('\r\n');
  return lines.slice(2, lines.indexOf('Via: 1.1 portal-expose')).join('\n');
}

test('Connection can remove any field except Content-Length', () => {
  const received = ['Connection', 'X-A, content-length', 'x-a', '1', 'Content-Length', '2', 'TE', 'trailers', 'B', '3'];
  assert.equal(passed(received), 'Content-Length: 2\nB: 3');
});

test('drops framing and routing fields from trailers', () => {
  const raw = ['X-Sum', '1', 'content-length', '9', 'Transfer-Encoding', 'chunked', 'Host', 'x'];
  assert.deepEqual(responseTrailers(raw), ['X-Sum', '1']);
});

test('drops disguised identity headers from requests, and all identity headers from trailers', () => {
  const raw = ['X-Gateway-Subject', 'alice', 'x_gateway_subject', 'eve', 'X.Forwarded.For', '::1', 'X_Own', '1'];
  assert.equal(passed(raw), 'X-Gateway-Subject: alice\nX_Own: 1');
  const trailers = [...raw, 'X-HTTP-Method-Override', 'DELETE', 'Remote-User', 'eve'];
  assert.deepEqual(requestTrailers(trailers), ['X_Own', '1']);
});
