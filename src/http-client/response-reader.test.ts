import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { get, readResponse } from '../../test/helpers/http-reading.ts';
import { bytes, expecting, record } from '../../test/helpers/recorded-reader.ts';
import { maxInformationalBytes, minInformationalBytes } from './response-reader.ts';

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const chunkedHead = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
const switching = 'HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n';

describe('responses on one connection', () => {
  test('follow each other, each with its own request', () => {
    const { reader, taken } = record();
    assert.equal(reader.state, 'idle');
    for (const method of ['GET', 'HEAD', 'GET']) {
      reader.expect({ method, offeredProtocols: '' });
      assert.deepEqual([reader.state, reader.silent], ['head', true]);
      reader.push(bytes(method === 'HEAD' ? 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n' : ok));
      assert.deepEqual(taken(), method === 'HEAD' ? ['head 200', 'end'] : ['head 200', 'data ok', 'end']);
      assert.deepEqual([reader.state, reader.excess], ['done', false]);
    }
    reader.end();
  });

  test('the next request may be sent within the call of end()', () => {
    const { reader, taken } = expecting((event, self) => {
      if (event === 'end') self.expect(get);
    });
    reader.push(bytes(ok));
    reader.push(bytes(ok));
    assert.deepEqual(taken(), ['head 200', 'data ok', 'end', 'head 200', 'data ok', 'end']);
    assert.equal(reader.state, 'head');
  });

  test('rejects a request while a response is read, after excess bytes, or as CONNECT', () => {
    const { reader } = expecting();
    assert.throws(() => {
      reader.expect(get);
    }, TypeError);
    reader.push(bytes(`${ok}x`));
    assert.throws(() => {
      reader.expect(get);
    }, TypeError);
    assert.throws(() => {
      record().reader.expect({ method: 'CONNECT', offeredProtocols: '' });
    }, TypeError);
  });
});

describe('excess bytes', () => {
  const nothing = { '204': 'HTTP/1.1 204 X\r\n\r\n', '304': 'HTTP/1.1 304 X\r\nContent-Length: 6\r\n\r\n' };
  for (const [name, text] of Object.entries({ ...nothing, length: ok, chunks: `${chunkedHead}0\r\n\r\n` })) {
    test(`are detected when the response ends: ${name}`, () => {
      let known: boolean | undefined;
      const { reader } = expecting((event, self) => {
        if (event === 'end') known = self.excess;
      });
      reader.push(bytes(`${text}HTTP/1.1 200 OK\r\n\r\nleaked`));
      assert.deepEqual([known, reader.excess, reader.state], [true, true, 'done']);
    });

    test(`are detected when they arrive later: ${name}`, () => {
      const { reader, events } = expecting();
      reader.push(bytes(text));
      assert.equal(reader.excess, false);
      reader.push(bytes('x'));
      assert.equal(reader.excess, true);
      assert.equal(events.at(-1), 'end');
    });
  }

  test('may arrive before the first request', () => {
    const { reader, events } = record();
    reader.push(bytes('220 mail.test ESMTP\r\n'));
    assert.deepEqual([reader.excess, reader.state, events], [true, 'idle', []]);
  });
});

describe('interim responses', () => {
  test('are delivered one by one before the response', () => {
    const { reader, taken } = expecting();
    reader.push(
      bytes('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\nContent-Length: 5\r\n\r\n'),
    );
    assert.deepEqual(taken(), ['interim 100', 'interim 103']);
    assert.deepEqual([reader.state, reader.silent], ['head', false]);
    reader.push(bytes(ok));
    assert.deepEqual(taken(), ['head 200', 'data ok', 'end']);
  });

  test('may total 64 KiB per request, and count as 64 bytes at least', () => {
    const short = 'HTTP/1.1 103 E\r\n\r\n';
    const count = maxInformationalBytes / minInformationalBytes;
    const { reader, taken } = expecting();
    for (let request = 0; request < 2; request += 1) {
      reader.push(bytes(short.repeat(count) + ok));
      assert.equal(taken().length, count + 3);
      reader.expect(get);
    }
    assert.equal(readResponse([bytes(short.repeat(count + 1))]).outcome, 'too_many_informational');
    const long = `HTTP/1.1 103 E\r\nX: ${'x'.repeat(33_000)}\r\n\r\n`;
    assert.equal(readResponse([bytes(long + ok)]).outcome, 'complete');
    assert.equal(readResponse([bytes(long + long + ok)]).outcome, 'too_many_informational');
  });

  for (const head of [
    'HTTP/1.1 103 E\r\nConnection: close',
    'HTTP/1.0 100 C',
    'HTTP/1.0 103 E\r\nConnection: keep-alive',
  ]) {
    test(`may neither end the connection nor be HTTP/1.0: ${JSON.stringify(head)}`, () => {
      assert.equal(readResponse([bytes(`${head}\r\n\r\n${ok}`)]).outcome, 'bad_informational');
    });
  }
});

describe('the peer’s end', () => {
  for (const [name, text, cutPoint] of [
    ['before a byte', '', 'no_response'],
    ['within the status line', 'HTT', 'head'],
    ['within the fields', 'HTTP/1.1 200 OK\r\nX: a\r\n', 'head'],
    ['after an interim response', 'HTTP/1.1 103 E\r\n\r\n', 'head'],
    ['before the body', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n', 'body'],
    ['within the body', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no', 'body'],
    ['before the first chunk', chunkedHead, 'body'],
    ['within a chunk', `${chunkedHead}2\r\no`, 'body'],
    ['between chunks', `${chunkedHead}2\r\nok\r\n`, 'body'],
    ['within the last chunk', `${chunkedHead}2\r\nok\r\n0\r`, 'body'],
    ['after the last chunk', `${chunkedHead}2\r\nok\r\n0\r\n`, 'trailers'],
    ['within the trailers', `${chunkedHead}2\r\nok\r\n0\r\nX: 1\r\n`, 'trailers'],
  ] as const) {
    test(`truncates the response ${name}`, () => {
      const reading = readResponse([bytes(text)]);
      assert.deepEqual([reading.outcome, reading.cutPoint], ['cut', cutPoint]);
    });
  }

  test('is valid before a request, after a response, and after a protocol switch', () => {
    record().reader.end();
    for (const text of [ok, switching]) {
      const { reader } = expecting(undefined, { method: 'GET', offeredProtocols: 'echo' });
      reader.push(bytes(text));
      reader.end();
      reader.end();
    }
  });

  test('completes a body delimited by the end of the connection', () => {
    const { reader, events } = expecting();
    reader.push(bytes('HTTP/1.1 200 OK\r\n\r\n'));
    reader.push(bytes('a'));
    reader.end();
    assert.deepEqual([...events, reader.state], ['head 200', 'data a', 'end', 'done']);
  });
});

describe('a protocol switch', () => {
  const offered = { method: 'GET', offeredProtocols: 'echo' };

  test('passes on the bytes after the 101, also within the call of upgrade()', () => {
    let early = '';
    const { reader, events } = expecting((event, self) => {
      if (event === 'upgrade 101') early = self.rest().toString('latin1');
    }, offered);
    reader.push(bytes(`HTTP/1.1 103 E\r\n\r\n${switching}abc`));
    assert.deepEqual([events, early, reader.state], [['interim 103', 'upgrade 101'], 'abc', 'upgraded']);
    reader.push(bytes('d'));
    reader.push(bytes('e'));
    assert.deepEqual([reader.rest().toString(), reader.rest().toString()], ['de', '']);
    assert.equal(reader.excess, false);
  });
});

describe('after an error', () => {
  test('reads nothing more and throws nothing again', () => {
    const { reader, events } = expecting();
    assert.throws(
      () => {
        reader.push(bytes('SSH-2.0'));
      },
      { name: 'ResponseError', code: 'not_http' },
    );
    reader.push(bytes(ok));
    reader.end();
    assert.deepEqual([reader.state, events], ['failed', []]);
  });

  test('thrown by the handler, too', () => {
    const { reader } = expecting(() => {
      throw new RangeError('mine');
    });
    assert.throws(() => {
      reader.push(bytes(ok));
    }, RangeError);
    assert.equal(reader.state, 'failed');
  });

  test('the error message quotes nothing of the response', () => {
    for (const text of [
      'secret',
      'HTTP/1.1 200 s\0ecret',
      `${ok.slice(0, 20)}\r\nsecret\r\n`,
      `${chunkedHead}secret`,
    ]) {
      const { reader } = expecting();
      assert.throws(
        () => {
          reader.push(bytes(text));
        },
        (error: Error) => !error.message.includes('secret') && error.message.endsWith('.'),
      );
    }
  });
});

test('stop() ends the calls at once, also within a callback', () => {
  for (const at of ['interim 103', 'head 200', 'data ab']) {
    const { reader, events } = expecting((event, self) => {
      if (event === at) self.stop();
    });
    reader.push(bytes(`HTTP/1.1 103 E\r\n\r\n${chunkedHead}2\r\nab\r\n0\r\n\r\nmore`));
    reader.resume();
    reader.end();
    assert.deepEqual([events.at(-1), reader.state], [at, 'failed']);
  }
});
