import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PoolBench, turn } from '../../test/helpers/pool-bench.ts';
import { PortalError } from '../portal/errors.ts';
import type { Connection } from './tunnel-connection.ts';

test('reuses a released tunnel, the most recent one first', async (t) => {
  const bench = new PoolBench(t);
  const [a, b] = [await bench.served(), await bench.served()];
  await bench.release(a, b);
  const again = bench.acquire();
  assert.equal(again.connection, b.connection);
  assert.equal(bench.dials.length, 2);
});

test('no request waits for another below the limit', (t) => {
  const bench = new PoolBench(t);
  for (let i = 0; i < 3; i += 1) bench.acquire();
  assert.equal(bench.dials.length, 3);
  bench.acquire();
  assert.equal(bench.dials.length, 3);
  assert.equal(bench.pool.active, 3);
});

test('over the limit a request waits for a release, and over the queue limit it is overloaded', async (t) => {
  const bench = new PoolBench(t);
  const busy = [await bench.served(), await bench.served(), await bench.served()];
  const [first, second, third] = [bench.acquire(), bench.acquire(), bench.acquire()];
  assert.equal(third.error?.code, 'overloaded');
  await bench.release(busy[0] as { connection: Connection });
  assert.equal(first.connection, busy[0]?.connection);
  assert.equal(second.connection, undefined);
  busy[1]?.connection.destroy();
  await turn();
  assert.equal(bench.dials.length, 4, 'a tunnel that is gone makes room for a dial');
  await bench.dials[3]?.succeed();
  assert.ok(second.connection);
});

test('limits concurrent dials, and starts the next when one completes', async (t) => {
  const bench = new PoolBench(t, { maxActive: 10, maxDialing: 2 });
  const callers = Array.from({ length: 5 }, () => bench.acquire());
  assert.equal(bench.dials.length, 2);
  await bench.dials[0]?.succeed();
  assert.equal(bench.dials.length, 3);
  await bench.dials[1]?.fail(new PortalError('lease_rejected', 'no'));
  assert.equal(bench.dials.length, 4);
  for (const dial of bench.dials) await dial.succeed();
  await bench.dials[4]?.succeed();
  assert.deepEqual(
    callers.map(({ outcome }) => outcome),
    ['served', 'lease_unreachable', 'served', 'served', 'served'],
  );
});

test('a request that waits in the queue too long is overloaded', async (t) => {
  const bench = new PoolBench(t, { maxActive: 1 });
  await bench.served();
  const waiting = bench.acquire();
  bench.tick(9_999);
  assert.equal(waiting.outcome, 'none');
  bench.tick(2);
  assert.equal(waiting.outcome, 'overloaded');
});

test('a dial has a deadline of ours, whatever the relay does', async (t) => {
  const bench = new PoolBench(t);
  const caller = bench.acquire();
  bench.tick(10_001);
  assert.equal(caller.error?.code, 'dial_timeout');
  assert.equal(bench.dials[0]?.signal.aborted, true);
  assert.equal(bench.pool.active, 0);
  const late = await bench.dials[0].succeed();
  assert.equal(late.destroyed, true);
});

test('a failed dial fails only the request that started it', async (t) => {
  const bench = new PoolBench(t);
  const [a, b] = [bench.acquire(), bench.acquire()];
  await bench.dials[0]?.fail(new PortalError('lease_unknown', ''));
  assert.equal(a.error?.code, 'lease_unreachable');
  await bench.dials[1]?.succeed();
  assert.ok(b.connection);
});

test('a refused stream is dialled again, at most twice, for requests of any method', async (t) => {
  const bench = new PoolBench(t);
  const refused = new PortalError('stream_reset', '');
  const [a, b] = [bench.acquire('any'), bench.acquire('recent')];
  await bench.dials[0]?.fail(refused);
  await bench.dials[1]?.fail(refused);
  assert.deepEqual([bench.dials.length, bench.pool.active, a.outcome, b.outcome], [4, 2, 'none', 'none']);
  await bench.dials[2]?.succeed();
  await bench.dials[3]?.fail(refused);
  await bench.dials[4]?.fail(refused);
  assert.deepEqual([bench.dials.length, bench.pool.active, a.outcome, b.outcome], [5, 1, 'served', 'tunnel_failed']);
});

test('a dialling request takes a tunnel that is released earlier, and its dial serves the next one', async (t) => {
  const bench = new PoolBench(t);
  const busy = await bench.served();
  const dialling = bench.acquire();
  await bench.release(busy);
  assert.equal(dialling.connection, busy.connection);
  await bench.dials[1]?.succeed();
  assert.equal(bench.pool.idle, 1);
  assert.ok(bench.acquire().connection);
  assert.equal(bench.dials.length, 2);
});

test('a request that cannot be repeated uses no tunnel that was idle for 2 s', async (t) => {
  const bench = new PoolBench(t);
  const one = await bench.served();
  await bench.release(one);
  bench.tick(1_999);
  const recent = bench.acquire('recent');
  assert.equal(recent.connection, one.connection);
  await bench.release(recent as { connection: Connection });
  bench.tick(2_000);
  assert.equal(bench.acquire('recent').connection, undefined);
  assert.equal(bench.acquire('any').connection, one.connection);
});

test('a request that keeps its tunnel gets an unused one', async (t) => {
  const bench = new PoolBench(t);
  const one = await bench.served();
  const own = bench.acquire('new');
  await bench.release(one);
  assert.equal(own.connection, undefined);
  assert.equal(bench.pool.idle, 1);
  await bench.dials[1]?.succeed();
  assert.ok(own.connection);
});

test('never uses a tunnel known to be dead', async (t) => {
  const bench = new PoolBench(t);
  const one = await bench.served();
  await bench.release(one);
  one.connection.destroy();
  const next = bench.acquire();
  assert.equal(next.connection, undefined);
  await turn();
  assert.equal(bench.pool.idle, 0);
});

test('does not return a tunnel that ends with its response to the pool', async (t) => {
  const bench = new PoolBench(t);
  const one = await bench.served();
  const [dial] = bench.dials;
  assert.ok(dial);
  dial.tunnel.response = 'HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n';
  await bench.release(one);
  assert.equal(bench.pool.idle, 0);
  for (let turns = 0; bench.pool.active > 0; turns += 1) {
    assert.ok(turns < 10, 'the tunnel is still counted');
    await turn();
  }
  assert.equal(bench.emptied, 1);
});

test('limits idle tunnels in number and time', async (t) => {
  const bench = new PoolBench(t);
  const callers = [await bench.served(), await bench.served(), await bench.served()];
  await bench.release(...callers);
  assert.equal(bench.pool.idle, 3);
  bench.tick(1_999);
  assert.equal(bench.pool.idle, 3);
  bench.tick(2);
  assert.equal(bench.pool.idle, 2, 'more than maxIdle are kept for 2 s');
  bench.tick(87_998);
  assert.equal(bench.pool.idle, 2);
  bench.tick(2);
  await turn();
  assert.equal(bench.pool.idle, 0);
  assert.equal(bench.pool.active, 0);
  assert.ok(callers.every(({ connection }) => connection.dead));
  assert.equal(bench.emptied, 1);
});

test('a load with more requests at once than idle tunnels are kept dials each tunnel once', async (t) => {
  const bench = new PoolBench(t, { maxActive: 50, maxDialing: 50 });
  for (let round = 0; round < 20; round += 1) {
    const callers = Array.from({ length: 50 }, () => bench.acquire());
    for (const dial of round === 0 ? bench.dials : []) await dial.succeed();
    const used = callers.map(({ connection }) => connection).filter((connection) => connection !== undefined);
    assert.equal(used.length, 50);
    await bench.release(...used.map((connection) => ({ connection })));
    bench.tick(100);
  }
  assert.equal(bench.dials.length, 50);
});

test('with maxIdle 0 no tunnel carries two requests', async (t) => {
  const bench = new PoolBench(t, { maxIdle: 0 });
  await bench.release(await bench.served());
  assert.equal(bench.pool.idle, 0);
  await bench.served();
  assert.equal(bench.dials.length, 2);
});

test('removes a waiting request whose client left, and cancels its dial', async (t) => {
  const bench = new PoolBench(t, { maxActive: 10 });
  const [a, b] = [bench.acquire(), bench.acquire()];
  bench.pool.cancel(a);
  assert.equal(bench.dials[0]?.signal.aborted, false, 'another request still waits and may use its tunnel');
  await bench.dials[0].succeed();
  assert.equal(a.connection, undefined);
  assert.ok(b.connection);
  const c = bench.acquire();
  await bench.dials[1]?.succeed();
  assert.ok(c.connection);
  const d = bench.acquire();
  bench.pool.cancel(d);
  assert.equal(bench.dials.at(-1)?.signal.aborted, true);
  assert.equal(d.error, undefined);
});

test('close() ends idle tunnels, dials and waiting requests', async (t) => {
  const bench = new PoolBench(t);
  const one = await bench.served();
  await bench.release(one);
  const waiting = bench.acquire('new');
  bench.pool.close();
  bench.pool.close();
  await turn();
  assert.equal(one.connection.dead, true);
  assert.equal(waiting.error?.code, 'draining');
  assert.equal(bench.dials[1]?.signal.aborted, true);
});
