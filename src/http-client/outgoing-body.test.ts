import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { describe, it } from 'node:test';
import { ConnectionOwner } from '../../test/helpers/exchange-recorder.ts';
import { OutgoingBody } from './outgoing-body.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const whole = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const lost = new Error('reset');

function upload(lengthBytes: number | null): { readonly source: PassThrough; readonly body: OutgoingBody } {
  const source = new PassThrough();
  return { source, body: new OutgoingBody({ stream: source, lengthBytes, trailers: () => ['X-Sum', '1'] }) };
}

describe('a request body', () => {
  it('with a length is streamed and completes with its last byte', async () => {
    const owner = new ConnectionOwner();
    const { source, body } = upload(4);
    const recorder = owner.send({ method: 'POST', body });
    source.write('bo');
    await turn();
    assert.equal(recorder.uploadedAll, false);
    source.write('dy');
    await turn();
    assert.equal(recorder.uploadedAll, true);
    assert.ok(owner.pipe.text.endsWith('\r\n\r\nbody'));
  });

  it('in chunks ends with its trailers', async () => {
    const owner = new ConnectionOwner();
    const { source, body } = upload(null);
    const recorder = owner.send({ method: 'POST', body });
    source.write('a');
    await turn();
    source.end('b'.repeat(3000));
    await turn();
    await turn();
    assert.equal(recorder.uploadedAll, true);
    assert.ok(owner.pipe.text.endsWith(`\r\n\r\n1\r\na\r\nbb8\r\n${'b'.repeat(3000)}\r\n0\r\nX-Sum: 1\r\n\r\n`));
  });

  it('waits while the pipe is full', async () => {
    const owner = new ConnectionOwner();
    owner.pipe.full = true;
    const { source, body } = upload(null);
    owner.send({ method: 'POST', body });
    source.write('first');
    await turn();
    source.write('second');
    await turn();
    assert.ok(!owner.pipe.text.includes('second'));
    owner.pipe.drain();
    await turn();
    assert.ok(owner.pipe.text.includes('second'));
  });

  for (const [name, lengthBytes, act] of [
    ['shorter than announced', 4, (source: PassThrough) => source.end('abc')],
    ['longer than announced', 4, (source: PassThrough) => source.end('abcde')],
    ['destroyed', 4, (source: PassThrough) => source.destroy()],
    ['failing', null, (source: PassThrough) => source.destroy(lost)],
  ] as const) {
    it(`${name} fails the exchange and never looks complete`, async () => {
      const owner = new ConnectionOwner();
      const { source, body } = upload(lengthBytes);
      const recorder = owner.send({ method: 'POST', body });
      act(source);
      await turn();
      await turn();
      assert.equal(recorder.outcome, 'request_body waiting');
      assert.equal(owner.pipe.destroyed, true);
      assert.ok(!owner.pipe.text.endsWith('0\r\n\r\n') && !owner.pipe.text.includes('abcde'));
    });
  }

  it('that is incomplete when the response ends also ends the connection', async () => {
    const owner = new ConnectionOwner();
    const { body } = upload(4);
    const recorder = owner.send({ method: 'POST', body });
    owner.pipe.receive(whole);
    await turn();
    assert.equal(recorder.outcome, 'whole');
    assert.equal(owner.connection.usable, false);
    assert.equal(owner.losses, 1);
  });

  it('moves to another connection if none of its bytes was sent', async () => {
    const first = new ConnectionOwner();
    first.pipe.sends = false;
    const { source, body } = upload(null);
    const failed = first.send({ method: 'POST', body });
    source.write('one');
    await turn();
    first.pipe.fail(lost);
    await turn();
    assert.equal(failed.outcome, 'connection_lost unsent');
    source.write('two');
    const second = new ConnectionOwner();
    const recorder = second.send({ method: 'POST', body });
    source.end();
    await turn();
    await turn();
    assert.ok(second.pipe.text.endsWith('3\r\none\r\n3\r\ntwo\r\n0\r\nX-Sum: 1\r\n\r\n'), second.pipe.text);
    second.pipe.receive(whole);
    assert.equal(recorder.outcome, 'whole');
  });

  it('refuses to be sent again once a byte was sent', async () => {
    const first = new ConnectionOwner();
    const { source, body } = upload(null);
    first.send({ method: 'POST', body });
    source.write('one');
    await turn();
    first.pipe.fail(lost);
    await turn();
    assert.throws(() => new ConnectionOwner().send({ method: 'POST', body }));
  });
});
