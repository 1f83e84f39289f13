import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GatewayError } from '../../kernel/errors/gateway-error.ts';
import { checkHead } from '../head-check.ts';
import { translateHead, type TranslatedHead } from './head.ts';

const bounds = { maxTargetBytes: 1_000, maxBodyBytes: 0 };
const large = 10_000;

function translated(fields: readonly string[], ended = true, pseudo: Record<string, string> = {}): TranslatedHead {
  const all = { ':method': 'GET', ':scheme': 'https', ':authority': 'example.com', ':path': '/a?b', ...pseudo };
  return translateHead([...Object.entries(all).flat(), ...fields], ended, large);
}

test('the head is the one that HTTP/1.1 would have: Host first, then the fields as they came', () => {
  const { req, fault } = translated(['accept', 'a', 'x-twice', '1', 'x-twice', '2']);
  assert.equal(fault, undefined);
  assert.deepEqual(req, {
    method: 'GET',
    target: '/a?b',
    headers: ['Host', 'example.com', 'accept', 'a', 'x-twice', '1', 'x-twice', '2'],
    upgrade: false,
  });
});

test('crumbs of a cookie are joined where the first one stood', () => {
  const { req } = translated(['cookie', 'a=1', 'x', 'y', 'cookie', 'b=2', 'cookie', 'c=3']);
  assert.deepEqual(req.headers.slice(2), ['cookie', 'a=1; b=2; c=3', 'x', 'y']);
});

test('a body of unknown length is chunked, none where there could be one has the length 0', () => {
  assert.deepEqual(translated([], false, { ':method': 'POST' }).req.headers.slice(2), ['Transfer-Encoding', 'chunked']);
  assert.deepEqual(translated([], true, { ':method': 'POST' }).req.headers.slice(2), ['Content-Length', '0']);
  assert.deepEqual(translated(['content-length', '5'], false).req.headers.slice(2), ['content-length', '5']);
  assert.deepEqual(translated([], true).req.headers.slice(2), []);
});

test('what is translated passes the check of HTTP/1.1, and says the same of the body', () => {
  const lengthOf = ({ req }: TranslatedHead): unknown => {
    const checked = checkHead(req, '1.1', bounds);
    return checked instanceof GatewayError ? checked.code : checked.bodyLength;
  };
  assert.equal(lengthOf(translated([])), 'none');
  assert.equal(lengthOf(translated([], false, { ':method': 'PUT' })), null);
  assert.equal(lengthOf(translated(['content-length', '7'], false, { ':method': 'PUT' })), 7);
  assert.equal(lengthOf(translated([], true, { ':authority': 'a,b' })), 'invalid_request');
});

test('a host beside the authority must be the same, and is told once', () => {
  const same = translated(['host', 'EXAMPLE.com:443', 'a', 'b']);
  assert.equal(same.fault, undefined);
  assert.deepEqual(same.req.headers, ['Host', 'example.com', 'a', 'b']);
  assert.equal(translated(['host', 'example.com:8443']).fault?.code, 'invalid_request');
  assert.equal(translated(['host', 'example.com:80'], true, { ':scheme': 'http' }).fault, undefined);
});

test('a head is as large as it would be in HTTP/1.1', () => {
  const fields = (bytes: number): string[] => [':method', 'GET', ':scheme', 'https', 'x', 'y'.repeat(bytes)];
  // Name and value of each field, plus four bytes.
  const rest = ':methodGET:schemehttpsx'.length + 3 * 4;
  assert.equal(translateHead(fields(100 - rest), true, 100).fault, undefined);
  assert.equal(translateHead(fields(101 - rest), true, 100).fault?.code, 'headers_too_large');
});

test('an extended CONNECT is the Upgrade that apps know, with a key of the gateway’s own', () => {
  const connect = { ':method': 'CONNECT', ':protocol': 'WebSocket' };
  const { req, tunnelling, fault } = translated(['sec-websocket-key', 'theirs', 'origin', 'https://x'], false, connect);
  assert.equal(fault, undefined);
  assert.deepEqual([req.method, req.target, req.upgrade], ['GET', '/a?b', true]);
  assert.equal(tunnelling?.protocol, 'websocket');
  const { key = '' } = tunnelling;
  assert.equal(Buffer.from(key, 'base64').length, 16);
  assert.deepEqual(req.headers, [
    ...['Host', 'example.com', 'origin', 'https://x'],
    ...['Connection', 'Upgrade', 'Upgrade', 'websocket', 'Sec-WebSocket-Key', key],
  ]);
  const other = translated([], false, { ...connect, ':protocol': 'connect-udp' });
  assert.deepEqual([other.tunnelling?.protocol, other.tunnelling?.key], ['connect-udp', undefined]);
});
