import assert from 'node:assert/strict';
import { text } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { ConnectionOwner } from '../../test/helpers/exchange-recorder.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const whole = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const lost = new Error('reset');

interface Row {
  readonly name: string;
  readonly method?: string;
  readonly offeredProtocols?: string;
  /** The pieces that the peer sends. */
  readonly receives?: readonly string[];
  /** How the peer continues after that. */
  readonly then?: 'end' | 'reset' | 'nothing';
  readonly outcome: string;
  /** State of the connection afterwards. */
  readonly usable?: boolean;
  readonly excess?: number;
}

const chunked = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
const offered = { offeredProtocols: 'echo' };

/**
 * Every way in which a peer can end an exchange, with the effect on the caller and the connection.
 */
const table: readonly Row[] = [
  { name: 'a complete response', receives: [whole], outcome: 'whole', usable: true },
  {
    name: 'a complete response in two pieces',
    receives: [whole.slice(0, 30), whole.slice(30)],
    outcome: 'whole',
    usable: true,
  },
  { name: 'a response in chunks', receives: [`${chunked}2\r\nok\r\n0\r\n\r\n`], outcome: 'whole', usable: true },
  { name: 'trailers', receives: [`${chunked}0\r\nX-Sum: 1\r\n\r\n`], outcome: 'whole X-Sum,1', usable: true },
  {
    name: 'an interim response first',
    receives: [`HTTP/1.1 103 Early\r\n\r\n${whole}`],
    outcome: 'whole',
    usable: true,
  },
  { name: 'HEAD', method: 'HEAD', receives: [whole.slice(0, -2)], outcome: 'whole', usable: true },
  {
    name: '304 with a length',
    receives: ['HTTP/1.1 304 x\r\nContent-Length: 9\r\n\r\n'],
    outcome: 'whole',
    usable: true,
  },
  { name: 'HTTP/1.0', receives: [whole.replace('1.1', '1.0')], outcome: 'whole' },
  {
    name: 'HTTP/1.0 with keep-alive',
    receives: [whole.replace('1.1 200 OK', '1.0 200 OK\r\nConnection: keep-alive')],
    outcome: 'whole',
    usable: true,
  },
  { name: 'Connection: close', receives: [whole.replace('OK', 'OK\r\nConnection: close')], outcome: 'whole' },
  { name: 'the end right after it', receives: [whole], then: 'end', outcome: 'whole' },
  { name: 'a reset right after it', receives: [whole], then: 'reset', outcome: 'whole' },
  { name: 'bytes after it, at once', receives: [`${whole}HTTP`], outcome: 'whole', excess: 1 },
  { name: 'bytes after it, later', receives: [whole, 'x'], outcome: 'whole', excess: 1 },
  {
    name: 'a 204 with a body',
    receives: ['HTTP/1.1 204 x\r\nContent-Length: 2\r\n\r\nok'],
    outcome: 'whole',
    excess: 1,
  },
  { name: 'a 304 with a body', receives: ['HTTP/1.1 304 x\r\n\r\nok'], outcome: 'whole', excess: 1 },
  { name: 'HEAD with a body', method: 'HEAD', receives: [whole], outcome: 'whole', excess: 1 },
  { name: 'a second response', receives: [whole + whole], outcome: 'whole', excess: 1 },
  { name: 'a body up to the end', receives: ['HTTP/1.1 200 OK\r\n\r\nok'], then: 'end', outcome: 'whole' },
  {
    name: 'a reset within such a body',
    receives: ['HTTP/1.1 200 OK\r\n\r\nok'],
    then: 'reset',
    outcome: 'connection_lost body',
  },
  { name: 'the end instead of a response', then: 'end', outcome: 'connection_lost waiting' },
  { name: 'a reset instead of a response', then: 'reset', outcome: 'connection_lost waiting' },
  {
    name: 'the end within the head',
    receives: ['HTTP/1.1 200 OK\r\nA:'],
    then: 'end',
    outcome: 'connection_lost head',
  },
  { name: 'a reset within the head', receives: ['H'], then: 'reset', outcome: 'connection_lost head' },
  {
    name: 'the end after an interim response',
    receives: ['HTTP/1.1 100 x\r\n\r\n'],
    then: 'end',
    outcome: 'connection_lost head',
  },
  { name: 'the end within the body', receives: [whole.slice(0, -1)], then: 'end', outcome: 'connection_lost body' },
  { name: 'a reset within the body', receives: [whole.slice(0, -1)], then: 'reset', outcome: 'connection_lost body' },
  { name: 'the end within a chunk', receives: [`${chunked}2\r\no`], then: 'end', outcome: 'connection_lost body' },
  {
    name: 'the end before the last chunk',
    receives: [`${chunked}2\r\nok\r\n`],
    then: 'end',
    outcome: 'connection_lost body',
  },
  { name: 'the end within the trailers', receives: [`${chunked}0\r\nX`], then: 'end', outcome: 'connection_lost body' },
  { name: 'another protocol', receives: ['SSH-2.0'], outcome: 'malformed waiting' },
  {
    name: 'another protocol after an interim response',
    receives: ['HTTP/1.1 103 x\r\n\r\nSSH-2.0'],
    outcome: 'malformed head',
  },
  { name: 'a bad chunk size', receives: [`${chunked}zz\r\n`], outcome: 'malformed body' },
  {
    name: 'an unrequested 101',
    receives: ['HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n'],
    outcome: 'malformed head',
  },
  {
    name: 'a 101 to another protocol',
    ...offered,
    receives: ['HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n'],
    outcome: 'malformed head',
  },
  {
    name: 'an upgrade',
    ...offered,
    receives: ['HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\nhi'],
    outcome: 'upgraded',
  },
  { name: 'an upgrade that is declined', ...offered, receives: [whole], outcome: 'whole', usable: true },
  { name: 'silence', outcome: 'none' },
];

describe('an exchange', () => {
  for (const { name, receives = [], then = 'nothing', outcome, usable = false, excess = 0, ...request } of table) {
    it(`with ${name} ends as ${outcome}`, async () => {
      const owner = new ConnectionOwner();
      const recorder = owner.send(request);
      for (const piece of receives) owner.pipe.receive(piece);
      if (then === 'end') owner.pipe.receiveEnd();
      if (then === 'reset') owner.pipe.fail(lost);
      await turn();
      assert.equal(recorder.outcome, outcome);
      assert.equal(owner.connection.usable, usable);
      assert.equal(owner.excesses, excess);
      if (usable) assert.equal(owner.rests, 1);
      if (!outcome.startsWith('whole')) assert.equal(owner.rests, 0);
      assert.equal(owner.losses, owner.pipe.closed && outcome !== 'upgraded' ? 1 : 0);
      if (recorder.fault?.kind === 'connection_lost' && then === 'reset') assert.equal(recorder.fault.cause, lost);
    });
  }

  it('with bytes after the 101 passes them on with the stream', async () => {
    const owner = new ConnectionOwner();
    const recorder = owner.send(offered);
    owner.pipe.receive('HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\nhi');
    assert.ok(recorder.stream);
    owner.pipe.receive(' there');
    owner.pipe.receiveEnd();
    assert.equal(await text(recorder.stream), 'hi there');
    recorder.stream.end();
    await turn();
    assert.equal(owner.losses, 1);
  });

  it('does not start on a connection that is busy, ended or received unsolicited bytes', async () => {
    const busy = new ConnectionOwner();
    busy.send();
    assert.throws(() => busy.send());
    const ended = new ConnectionOwner();
    ended.pipe.receiveEnd();
    assert.equal(ended.connection.usable, false);
    await turn();
    assert.deepEqual([ended.losses, ended.connection.idleFault.kind], [1, 'connection_lost']);
    const unasked = new ConnectionOwner();
    unasked.pipe.receive(whole);
    assert.equal(unasked.connection.usable, false);
    assert.deepEqual([unasked.excesses, unasked.connection.idleFault.kind], [1, 'unasked']);
  });

  it('whose connection is lost before any byte was sent is unsent', () => {
    const owner = new ConnectionOwner();
    owner.pipe.sends = false;
    const recorder = owner.send();
    owner.pipe.fail(lost);
    return turn().then(() => {
      assert.equal(recorder.outcome, 'connection_lost unsent');
    });
  });

  it('does not take unsolicited bytes that arrive before its first byte is sent as its response', async () => {
    const owner = new ConnectionOwner();
    owner.send();
    owner.pipe.receive(whole);
    owner.pipe.sends = false;
    const second = owner.send();
    owner.pipe.receive(whole);
    await turn();
    assert.equal(second.outcome, 'unasked unsent');
    assert.deepEqual([owner.excesses, owner.losses, owner.pipe.destroyed], [1, 1, true]);
  });

  it('that is cancelled reports nothing more and destroys its connection', async () => {
    const owner = new ConnectionOwner();
    const recorder = owner.send();
    owner.connection.destroy();
    owner.pipe.receive(whole);
    await turn();
    assert.equal(recorder.outcome, 'none');
    assert.deepEqual([owner.losses, owner.pipe.destroyed], [1, true]);
  });

  it('that is cancelled within data() reads nothing more from the same buffer', () => {
    const owner = new ConnectionOwner();
    const recorder = owner.send();
    recorder.data = () => {
      owner.connection.destroy();
      return true;
    };
    owner.pipe.receive(`${chunked}1\r\na\r\n`);
    owner.pipe.receive('1\r\nb\r\n0\r\n\r\n');
    assert.equal(recorder.outcome, 'none');
  });
});

describe('back-pressure', () => {
  it('stops delivery and the pipe, and loses no data', async () => {
    const owner = new ConnectionOwner();
    const recorder = owner.send();
    recorder.slow = true;
    owner.pipe.receive(`${chunked}5\r\nfirst\r\n`);
    assert.equal(owner.pipe.paused, true);
    owner.pipe.receive('6\r\nsecond\r\n0\r\n\r\n');
    owner.pipe.receiveEnd();
    assert.equal(recorder.body, 'first');
    owner.connection.resume();
    assert.equal(recorder.body, 'firstsecond');
    recorder.slow = false;
    owner.connection.resume();
    await turn();
    assert.equal(recorder.outcome, 'whole');
  });

  it('does not carry over to the next exchange', () => {
    const owner = new ConnectionOwner();
    const first = owner.send();
    first.slow = true;
    owner.pipe.receive(whole);
    if (first.outcome === 'none') owner.connection.resume();
    assert.equal(first.outcome, 'whole');
    assert.equal(owner.pipe.paused, false);
    const second = owner.send();
    owner.pipe.receive(whole);
    assert.equal(second.outcome, 'whole');
  });
});
