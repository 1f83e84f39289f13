import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { get } from '../../test/helpers/http-reading.ts';
import { bytes, expecting } from '../../test/helpers/recorded-reader.ts';

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const chunkedHead = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';

describe('a pause', () => {
  test('within head() or data() holds back later bytes, in the same buffer and in others', () => {
    const { reader, taken } = expecting((event, self) => {
      if (event !== 'end') self.pause();
    });
    reader.push(bytes('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nab'));
    reader.push(bytes('cd'));
    reader.push(bytes('efg'));
    assert.deepEqual(taken(), ['head 200']);
    for (const event of ['data ab', 'data cd']) {
      reader.resume();
      assert.deepEqual(taken(), [event]);
    }
    assert.equal(reader.state, 'body');
    reader.resume();
    assert.deepEqual([...taken(), reader.excess], ['data ef', 'end', true]);
  });

  test('does not hold back the end of a response whose bytes were all delivered', () => {
    const { reader, taken } = expecting((_, self) => {
      self.pause();
    });
    reader.push(bytes('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'));
    assert.deepEqual(taken(), ['head 200', 'end']);
    reader.expect(get);
    reader.push(bytes('HTTP/1.1 200 OK\r\n\r\n'));
    reader.end();
    assert.deepEqual(taken(), ['head 200', 'end']);
  });

  test('holds back the peer’s end until the held bytes are delivered', () => {
    const { reader, taken } = expecting();
    reader.push(bytes('HTTP/1.1 200 OK\r\n\r\n'));
    reader.pause();
    reader.push(bytes('a'));
    reader.end();
    assert.deepEqual(taken(), ['head 200']);
    reader.resume();
    assert.deepEqual(taken(), ['data a', 'end']);
  });

  test('holds back an error until earlier data is delivered: resume() throws', () => {
    const { reader, taken } = expecting((event, self) => {
      if (event.startsWith('data')) self.pause();
    });
    reader.push(bytes(`${chunkedHead}1\r\na\r\nzz`));
    assert.deepEqual(taken(), ['head 200', 'data a']);
    assert.throws(
      () => {
        reader.resume();
      },
      { code: 'bad_chunk' },
    );
    const cut = expecting();
    cut.reader.pause();
    cut.reader.push(bytes('HTTP/1.1 2'));
    cut.reader.end();
    assert.throws(
      () => {
        cut.reader.resume();
      },
      { code: 'cut', cutPoint: 'head' },
    );
  });

  test('may end within the same call', () => {
    const { reader, taken } = expecting((_, self) => {
      self.pause();
      self.resume();
    });
    reader.push(bytes(`${chunkedHead}2\r\nok\r\n0\r\n\r\n`));
    assert.deepEqual(taken(), ['head 200', 'data ok', 'end']);
  });

  test('ends with its response', () => {
    const { reader, taken } = expecting();
    reader.push(bytes(ok));
    reader.pause();
    reader.expect(get);
    reader.push(bytes(ok));
    assert.deepEqual(taken(), ['head 200', 'data ok', 'end', 'head 200', 'data ok', 'end']);
  });
});
