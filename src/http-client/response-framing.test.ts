import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readResponse, type Reading } from '../../test/helpers/http-reading.ts';

function read(head: string, body = '', method = 'GET', offeredProtocols = ''): Reading {
  return readResponse([Buffer.from(`${head}\r\n\r\n${body}`, 'latin1')], { method, offeredProtocols });
}

const ok = 'HTTP/1.1 200 OK';
const chunked = 'Transfer-Encoding: chunked';

describe('framing', () => {
  for (const [name, head, body, method, framing, rest] of [
    ['a length', `${ok}\r\nContent-Length: 2`, 'ok', 'GET', { kind: 'length', bytes: 2 }, 'ok'],
    ['a length of zero', `${ok}\r\nContent-Length: 0`, '', 'GET', { kind: 'length', bytes: 0 }, ''],
    ['leading zeros', `${ok}\r\ncontent-length: 0000000000000002`, 'ok', 'GET', { kind: 'length', bytes: 2 }, 'ok'],
    ['chunks', `${ok}\r\n${chunked}`, '2\r\nok\r\n0\r\n\r\n', 'GET', { kind: 'chunked' }, 'ok'],
    ['CHUNKED', `${ok}\r\ntransfer-encoding: CHUNKED`, '2\r\nok\r\n0\r\n\r\n', 'GET', { kind: 'chunked' }, 'ok'],
    ['nothing', ok, 'ok', 'GET', { kind: 'close' }, 'ok'],
    ['no framing in HTTP/1.0', 'HTTP/1.0 200 OK', 'ok', 'GET', { kind: 'close' }, 'ok'],
    ['HEAD', `${ok}\r\nContent-Length: 2`, '', 'HEAD', { kind: 'none' }, ''],
    ['HEAD and chunks', `${ok}\r\n${chunked}`, '', 'HEAD', { kind: 'none' }, ''],
    ['204', 'HTTP/1.1 204 No Content\r\nContent-Length: 2', '', 'GET', { kind: 'none' }, ''],
    ['304', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 2', '', 'GET', { kind: 'none' }, ''],
    ['304 and chunks', `HTTP/1.1 304 Not Modified\r\n${chunked}`, '', 'GET', { kind: 'none' }, ''],
    ['205', 'HTTP/1.1 205 Reset\r\nContent-Length: 0', '', 'GET', { kind: 'none' }, ''],
    ['method names are case-sensitive', `${ok}\r\nContent-Length: 2`, 'ok', 'head', { kind: 'length', bytes: 2 }, 'ok'],
  ] as const) {
    test(name, () => {
      const reading = read(head, body, method);
      assert.deepEqual([reading.outcome, reading.excess], ['complete', false]);
      assert.deepEqual(reading.head?.framing, framing);
      assert.equal(reading.body.toString(), rest);
    });
  }

  const refused = [
    ...[`Content-Length: 2\r\n${chunked}`, `${chunked}\r\nContent-Length: 2`, `${chunked}\r\n${chunked}`],
    ...['Content-Length: 2\r\nContent-Length: 2', 'Content-Length: 2\r\ncontent-length: 3'],
    ...['', '2, 2', '2x', '+2', '-2', '0x2', '1 2', '2\t', '9007199254740992', '00000000000000002', '9'.repeat(30)].map(
      (length) => `Content-Length: ${length}`,
    ),
    ...[
      'gzip',
      'gzip, chunked',
      'chunked, gzip',
      'identity',
      'xchunked',
      '',
      'chunked, chunked',
      'chunked,',
      'chunked\t',
    ].map((coding) => `Transfer-Encoding: ${coding}`),
  ];
  for (const fields of refused) {
    test(`is rejected, with a body and without: ${JSON.stringify(fields)}`, () => {
      assert.equal(read(`${ok}\r\n${fields}`).outcome, 'bad_framing');
      assert.equal(read(`${ok}\r\n${fields}`, '', 'HEAD').outcome, 'bad_framing');
      for (const status of ['103', '204', '205', '304']) {
        assert.equal(read(`HTTP/1.1 ${status} X\r\n${fields}`).outcome, 'bad_framing', status);
      }
    });
  }

  test('chunks in HTTP/1.0 are rejected', () => {
    assert.equal(read(`HTTP/1.0 200 OK\r\n${chunked}`, '0\r\n\r\n').outcome, 'bad_framing');
  });
});

describe('persistence', () => {
  for (const [persistent, head, method] of [
    [true, `${ok}\r\nContent-Length: 0`, 'GET'],
    [true, `${ok}\r\nContent-Length: 0\r\nConnection: x-hop`, 'GET'],
    [false, `${ok}\r\nContent-Length: 0\r\nConnection: close`, 'GET'],
    [false, `${ok}\r\nContent-Length: 0\r\nconnection: Keep-Alive, \tCLOSE`, 'GET'],
    [false, `${ok}\r\nContent-Length: 0\r\nConnection: keep-alive\r\nConnection: close`, 'GET'],
    [true, `${ok}\r\nContent-Length: 0\r\nConnection: closed`, 'GET'],
    [false, `${ok}\r\nContent-Length: 0\r\nProxy-Connection: close`, 'GET'],
    [false, 'HTTP/1.0 200 OK\r\nContent-Length: 0', 'GET'],
    [true, 'HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: Keep-Alive', 'GET'],
    [false, ok, 'GET'],
    [true, ok, 'HEAD'],
    [true, 'HTTP/1.1 304 X', 'GET'],
    [true, 'HTTP/1.1 304 X\r\nContent-Length: 2', 'GET'],
    [true, 'HTTP/1.1 204 X', 'GET'],
    [true, 'HTTP/1.1 204 X\r\nContent-Length: 0', 'GET'],
    [false, 'HTTP/1.1 204 X\r\nContent-Length: 2', 'GET'],
    [false, `HTTP/1.1 204 X\r\n${chunked}`, 'GET'],
    [true, 'HTTP/1.1 205 X\r\nContent-Length: 00', 'GET'],
    [false, 'HTTP/1.1 205 X', 'GET'],
    [false, 'HTTP/1.1 205 X\r\nContent-Length: 2', 'GET'],
    [false, `HTTP/1.1 205 X\r\n${chunked}`, 'GET'],
    [true, 'HTTP/1.1 205 X\r\nContent-Length: 2', 'HEAD'],
  ] as const) {
    test(`${persistent ? 'kept' : 'not kept'}: ${method} ${JSON.stringify(head)}`, () => {
      assert.equal(read(head, '', method).head?.persistent, persistent);
    });
  }

  for (const [value, seconds] of [
    ['timeout=5', 5],
    ['timeout=5, max=100', 5],
    ['max=100, Timeout = 72', 72],
    ['timeout="7"', 7],
    ['timeout=', undefined],
    ['timeout=x', undefined],
    ['timeout=1.5', 1],
    ['timeout=99999999999', undefined],
    ['max=100', undefined],
    ['xtimeout=5', undefined],
  ] as const) {
    test(`Keep-Alive: ${value}`, () => {
      assert.equal(read(`${ok}\r\nContent-Length: 0\r\nKeep-Alive: ${value}`).head?.keepAliveSeconds, seconds);
    });
  }
});

describe('a 101', () => {
  const upgrade = 'HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: ';
  for (const [outcome, head, offered] of [
    ['upgrade', `${upgrade}websocket`, 'websocket'],
    ['upgrade', `${upgrade}WebSocket`, 'other, websocket'],
    ['upgrade', 'HTTP/1.1 101 X\r\nconnection: keep-alive, upgrade\r\nupgrade: echo/2', 'echo/2'],
    ['upgrade', 'HTTP/1.0 101 X\r\nConnection: upgrade\r\nUpgrade: echo', 'echo'],
    ['unoffered_upgrade', `${upgrade}websocket`, ''],
    ['unoffered_upgrade', `${upgrade}other`, 'websocket'],
    ['unoffered_upgrade', `${upgrade}websocket, other`, 'websocket'],
    ['unoffered_upgrade', `${upgrade}websocket\r\nUpgrade: other`, 'websocket'],
    ['unoffered_upgrade', `${upgrade}h2c`, 'h2c'],
    ['unoffered_upgrade', 'HTTP/1.1 101 X', 'websocket'],
    ['unoffered_upgrade', 'HTTP/1.1 101 X\r\nUpgrade: websocket', 'websocket'],
    ['unoffered_upgrade', 'HTTP/1.1 101 X\r\nConnection: upgrade', 'websocket'],
  ] as const) {
    test(`${outcome}: ${JSON.stringify(head)} for ${JSON.stringify(offered)}`, () => {
      const reading = read(head, 'HTTP/1.1 bytes', 'GET', offered);
      assert.equal(reading.outcome, outcome);
      assert.equal(reading.rest, outcome === 'upgrade' ? 'HTTP/1.1 bytes' : '');
      assert.equal(reading.excess, false);
    });
  }
});
