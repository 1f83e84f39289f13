// How an attempt uses its tunnel, and that it does not touch the tunnel afterwards.
import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { describe, it, type TestContext } from 'node:test';
import { bodyOf, ok, ScriptedUpstream } from '../../test/helpers/scripted-upstream.ts';
import { systemClock } from '../kernel/clock.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const chunkedHead = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';

describe('back-pressure on a response', () => {
  it('does not affect the tunnel once the response is complete', async (t) => {
    const bench = new ScriptedUpstream(t);
    const first = bench.send('GET');
    await turn();
    const [tunnel] = bench.tunnels;
    assert.ok(tunnel);
    tunnel.receive(ok);
    assert.equal(first.outcome, 200);
    const second = bench.send('GET');
    second.slow = true;
    tunnel.receive(`${chunkedHead}1\r\na\r\n`);
    assert.equal(tunnel.paused, true);
    // The client of the first response reads the last of it only now.
    first.flow?.resume();
    tunnel.receive('1\r\nb\r\n');
    assert.deepEqual([tunnel.paused, second.body], [true, 'a']);
    second.slow = false;
    second.flow?.resume();
    first.flow?.pause();
    tunnel.receive('0\r\n\r\n');
    assert.deepEqual([second.body, second.outcome], ['ab', 200]);
  });
});

describe('the time limit of a body', () => {
  function start(t: TestContext): { readonly bench: ScriptedUpstream; readonly pass: (ms: number) => void } {
    let nowMs = 0;
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const bench = new ScriptedUpstream(t, { ...systemClock, monotonicMs: () => nowMs });
    const pass = (ms: number): void => {
      nowMs += ms;
      t.mock.timers.tick(ms);
    };
    return { bench, pass };
  }

  it('is extended by upload progress, also after an early head', async (t) => {
    const { bench, pass } = start(t);
    const source = new PassThrough();
    const result = bench.send('POST', { body: bodyOf(source, null) });
    await turn();
    bench.tunnels[0]?.receive(chunkedHead);
    for (let pieces = 0; pieces < 5; pieces += 1) {
      pass(6_000);
      source.write('more');
      await turn();
    }
    assert.equal(result.outcome, 'none');
    pass(10_001);
    assert.equal(result.outcome, 'tunnel_failed');
  });

  it('blames the client for a response that it does not read', async (t) => {
    const { bench, pass } = start(t);
    const result = bench.send('GET');
    await turn();
    result.slow = true;
    bench.tunnels[0]?.receive(`${chunkedHead}1\r\na\r\n`);
    pass(10_001);
    assert.equal(result.outcome, 'client_too_slow');
  });
});
