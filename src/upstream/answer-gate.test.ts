import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AnswerGate } from './answer-gate.ts';

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

interface Passed {
  readonly text: string;
  readonly gate: AnswerGate;
}

/** The bytes, in pieces of a size. */
function pass(bytes: string, pieceBytes = bytes.length, maySwitch = false): Passed {
  const gate = new AnswerGate();
  gate.await(maySwitch);
  let text = '';
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    text += gate.admit(Buffer.from(bytes.slice(at, at + pieceBytes), 'latin1')).toString('latin1');
  }
  return { text, gate };
}

test('an answer passes as it is, in whatever pieces it comes', () => {
  const early = 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 \r\n\r\n';
  for (const bytes of [ok, early + ok, 'HTTP/1.0 404\r\n\r\n', 'HTTP/1.1 599 \xc3\xa9t\xe9\t!\r\n\r\n\0\n\r']) {
    for (let size = 1; size <= bytes.length; size += 1) assert.equal(pass(bytes, size).text, bytes, `${size}`);
  }
});

test('a 100 is another status to the parser, and its own again to whoever asks, in order', () => {
  const bytes = `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 199 E\r\n\r\nHTTP/1.1 100 C\r\nX: y\r\n\r\n${ok}`;
  for (let size = 1; size <= bytes.length; size += 1) {
    const { text, gate } = pass(bytes, size);
    assert.equal(text, bytes.replaceAll('1.1 100', '1.1 199'));
    assert.deepEqual(
      [199, 199, 199].map((status) => gate.interimStatus(status)),
      [100, 199, 100],
    );
  }
});

test('what is no status line of HTTP/1.0 or 1.1 is refused', () => {
  const bad = [
    'SSH-2.0-x\r\n',
    'HTTP/2.0 200 OK\r\n',
    'HTTP/0.9 200 OK\r\n',
    'HTTP/1.2 200 OK\r\n',
    'RTSP/1.0 200 OK\r\n',
  ];
  bad.push(
    'http/1.1 200 OK\r\n',
    'HTTP/1.1  200 OK\r\n',
    'HTTP/1.1 20 OK\r\n',
    'HTTP/1.1 2000 OK\r\n',
    '\r\nHTTP/1.1 200 OK\r\n',
  );
  bad.push(
    'HTTP/1.1 099 X\r\n',
    'HTTP/1.1 000 X\r\n',
    'HTTP/1.1 600 X\r\n',
    'HTTP/1.1 999 X\r\n',
    'HTTP/1.1 200 OK\n\n',
  );
  bad.push(
    'HTTP/1.1 200 O\0K\r\n',
    'HTTP/1.1 200 O\x7fK\r\n',
    'HTTP/1.1 200 O\rK\r\n',
    'HTTP/1.1\t200 OK\r\n',
    ' HTTP/1.1 200\r\n',
  );
  for (const bytes of bad) {
    for (const size of [1, 5, bytes.length]) {
      assert.throws(() => pass(bytes, size), { code: 'bad_upstream_response' }, JSON.stringify([bytes, size]));
    }
  }
});

test('what can’t become HTTP any more is refused before its line ends', () => {
  assert.throws(() => pass('HTTQ'), { code: 'bad_upstream_response' });
  assert.throws(() => pass(`HTTP/1.1 200 ${'x'.repeat(5_000)}`), { code: 'bad_upstream_response' });
});

test('another protocol is for who asked for it', () => {
  const switching = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nHTTP/9';
  assert.throws(() => pass(switching), { code: 'bad_upstream_response' });
  assert.equal(pass(switching, 7, true).text, switching);
});

test('interim answers are bounded, in number and in size', () => {
  const one = 'HTTP/1.1 103 Early Hints\r\n\r\n';
  assert.equal(pass(one.repeat(1_000) + ok).text.length, 1_000 * one.length + ok.length);
  assert.throws(() => pass(one.repeat(1_100)), { code: 'bad_upstream_response' });
  assert.throws(() => pass(`HTTP/1.1 103 E\r\nX: ${'y'.repeat(70_000)}`, 1_000), { code: 'bad_upstream_response' });
});

test('bytes that nobody asked for are refused', () => {
  const gate = new AnswerGate();
  assert.throws(() => gate.admit(Buffer.from(ok)), { code: 'bad_upstream_response' });
  const { gate: used } = pass(ok);
  assert.equal(used.silent, false);
  used.rest();
  assert.throws(() => used.admit(Buffer.from('\r\n')), { code: 'bad_upstream_response' });
});

test('each request begins anew', () => {
  const { gate } = pass('HTTP/1.0 200 OK\r\n\r\n');
  assert.equal(gate.version, '1.0');
  gate.rest();
  gate.await(false);
  assert.equal(gate.silent, true);
  assert.equal(gate.admit(Buffer.from(ok)).toString(), ok);
  assert.equal(gate.version, '1.1');
});
