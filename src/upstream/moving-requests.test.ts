// Which requests move to another tunnel if theirs is lost, depending on what was sent: never one
// that an app may have processed.
import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { describe, it } from 'node:test';
import { systemClock } from '../kernel/clock.ts';
import { GatewayError } from '../kernel/errors/gateway-error.ts';
import { bodyOf, noBody, ok, ScriptedUpstream } from '../../test/helpers/scripted-upstream.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

interface Row {
  readonly method: string;
  readonly lengthBytes?: number | null;
  /** A byte of the request was sent over the tunnel that is lost. */
  readonly sent: boolean;
  /** The part of a response that was received. */
  readonly received?: string;
  readonly moves: boolean;
}

const rows: readonly Row[] = [
  { method: 'GET', sent: false, moves: true },
  { method: 'GET', sent: true, moves: true },
  { method: 'GET', sent: true, received: 'H', moves: false },
  { method: 'GET', sent: true, received: 'HTTP/1.1 103 x\r\n\r\n', moves: false },
  { method: 'POST', sent: false, moves: true },
  { method: 'POST', sent: true, moves: false },
  { method: 'POST', lengthBytes: 4, sent: false, moves: true },
  { method: 'POST', lengthBytes: 4, sent: true, moves: false },
  { method: 'POST', lengthBytes: null, sent: false, moves: true },
  { method: 'POST', lengthBytes: null, sent: true, moves: false },
  { method: 'PUT', lengthBytes: 4, sent: false, moves: true },
  { method: 'PUT', lengthBytes: 4, sent: true, moves: false },
  { method: 'DELETE', sent: true, moves: true },
  { method: 'PATCH', sent: true, moves: false },
];

describe('a request whose kept tunnel is lost', () => {
  for (const { method, lengthBytes, sent, received = '', moves } of rows) {
    const kind = lengthBytes === undefined ? method : `${method} with ${lengthBytes ?? 'an unknown number of'} bytes`;
    const when = `${sent ? 'after' : 'before'} a byte left${received === '' ? '' : `, behind ${JSON.stringify(received)}`}`;
    it(`${moves ? 'moves' : 'fails'}: ${kind}, ${when}`, async (t) => {
      const bench = new ScriptedUpstream(t);
      const tunnel = await bench.used();
      const source = new PassThrough();
      tunnel.sends = sent;
      const result = bench.send(method, {
        body: lengthBytes === undefined ? noBody : bodyOf(source, lengthBytes),
      });
      source.write('bo');
      await turn();
      tunnel.receive(received);
      tunnel.fail(new Error('reset'));
      await turn();
      await turn();
      if (!moves) {
        assert.equal(result.outcome, 'tunnel_failed');
        assert.equal(bench.tunnels.length, 1);
        return;
      }
      source.end('dy');
      await turn();
      await turn();
      const second = bench.tunnels[1];
      assert.ok(second);
      assert.ok(second.text.startsWith(`${method} / HTTP/1.1\r\n`));
      if (lengthBytes === 4) assert.ok(second.text.endsWith('\r\n\r\nbody'));
      if (lengthBytes === null) assert.ok(second.text.endsWith('\r\n\r\n2\r\nbo\r\n2\r\ndy\r\n0\r\n\r\n'));
      second.receive(ok);
      await turn();
      assert.equal(result.outcome, 200);
    });
  }

  it('moves if the app sent bytes before it was sent: they belong to an earlier response', async (t) => {
    for (const method of ['GET', 'POST']) {
      const bench = new ScriptedUpstream(t);
      const tunnel = await bench.used();
      tunnel.sends = false;
      const result = bench.send(method);
      tunnel.receive(ok);
      await turn();
      await turn();
      assert.equal(result.outcome, 'none');
      bench.tunnels[1]?.receive(ok);
      await turn();
      assert.equal(result.outcome, 200);
    }
  });

  it('moves if the rest of an earlier response arrives instead of its own and it may be repeated', async (t) => {
    for (const [method, outcome] of [
      ['GET', 'none'],
      ['POST', 'bad_upstream_response'],
    ] as const) {
      const bench = new ScriptedUpstream(t);
      const tunnel = await bench.used();
      const result = bench.send(method);
      tunnel.receive('of a body that a 204 has not');
      await turn();
      await turn();
      assert.equal(result.outcome, outcome);
      if (method === 'POST') continue;
      bench.tunnels[1]?.receive('no HTTP');
      assert.equal(result.outcome, 'bad_upstream_response');
    }
  });

  it('fails if its body failed while it moved', async (t) => {
    const bench = new ScriptedUpstream(t);
    const tunnel = await bench.used();
    tunnel.sends = false;
    const source = new PassThrough();
    const result = bench.send('POST', { body: bodyOf(source, null) });
    bench.dialsAfter = turn();
    tunnel.fail(new Error('reset'));
    await Promise.resolve();
    source.destroy(new GatewayError('body_too_large', 'too large'));
    await turn();
    await turn();
    assert.deepEqual([bench.tunnels.length, result.outcome], [2, 'body_too_large']);
  });

  it('moves even if the pool is full: the lost tunnel has freed its slot', async (t) => {
    const bench = new ScriptedUpstream(t, systemClock, { maxActive: 1, maxWaiting: 0 });
    const tunnel = await bench.used();
    const result = bench.send('GET');
    tunnel.fail(new Error('reset'));
    await turn();
    await turn();
    bench.tunnels[1]?.receive(ok);
    await turn();
    assert.equal(result.outcome, 200);
  });

  it('moves only once: a second loss fails it', async (t) => {
    const bench = new ScriptedUpstream(t);
    const tunnel = await bench.used();
    const result = bench.send('GET');
    tunnel.fail(new Error('reset'));
    await turn();
    await turn();
    bench.tunnels[1]?.fail(new Error('reset'));
    await turn();
    assert.equal(result.outcome, 'tunnel_failed');
    assert.equal(bench.tunnels.length, 2);
  });
});
