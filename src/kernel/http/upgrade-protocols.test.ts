import assert from 'node:assert/strict';
import process from 'node:process';
import { test } from 'node:test';
import { isOffered, isOfferable, offerableProtocols } from './upgrade-protocols.ts';

/** HTTP inside HTTP, and texts that some parser could read as it. */
const refused: readonly string[] = [
  ...['h2c', 'H2C', 'h2', 'h2-14', 'h3', 'h3-29', 'h2c/1', 'HTTP', 'HTTP/2.0', 'http/1.1', 'HTTPS/1.3', 'http'],
  ...['TLS/1.0', 'tls', 'TLS/1.3', 'h2c;q=1', '"h2c"', 'web socket', 'websocket;h2c', 'h2c/', '/h2c', 'a/b/c', ''],
];

test('never offers HTTP inside HTTP and malformed protocols, in any spelling', () => {
  for (const protocol of refused) {
    assert.equal(isOfferable(protocol), false, protocol);
    assert.deepEqual(offerableProtocols(`websocket,\t${protocol} ,chat/2`), ['websocket', 'chat/2'], protocol);
    assert.deepEqual(offerableProtocols(protocol), [], protocol);
  }
});

test('offers other protocols as the client wrote them', () => {
  for (const protocol of [
    'websocket',
    'WebSocket',
    'echo/1',
    'SPDY/3.1',
    'IRC/6.9',
    'connect-udp',
    'webtransport',
    'x',
  ]) {
    assert.equal(isOfferable(protocol), true, protocol);
  }
  assert.deepEqual(offerableProtocols(' WebSocket , , Chat/2'), ['WebSocket', 'Chat/2']);
});

test('a 101 may select offered protocols, in any case, but no others and never HTTP', () => {
  assert.equal(isOffered('websocket', 'h2c, WebSocket'), true);
  assert.equal(isOffered('a/1, b', 'B, c, a/1'), true);
  for (const chosen of [undefined, '', ',', 'h2c', 'websocket, h2c', 'chat', 'websocket/13', 'web', 'H2C']) {
    assert.equal(isOffered(chosen, 'websocket, h2c'), false, String(chosen));
  }
});

test('a very long list takes linear time', () => {
  const work = (protocols: number): number => {
    const list = 'x/1,'.repeat(protocols);
    const { user } = process.cpuUsage();
    for (let i = 0; i < 20; i += 1) assert.equal(isOffered(list, list), true);
    return process.cpuUsage({ user, system: 0 }).user;
  };
  work(1_000);
  const [once, tenfold] = [work(4_000), work(40_000)];
  assert.ok(tenfold < 40 * Math.max(once, 5_000), `${once} us, then ${tenfold} us`);
});
