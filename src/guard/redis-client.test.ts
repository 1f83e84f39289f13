import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { createClient } from '@redis/client';
import { freePort } from '../../test/helpers/free-port.ts';
import { redisMissing, RedisServer } from '../../test/helpers/redis-server.ts';
import { connectRedis } from './redis-client.ts';

test(
  'a connection that is silent is given up however much is sent over it, and there is another once somebody answers',
  { skip: redisMissing, timeout: 20_000 },
  async (t) => {
    const server = await RedisServer.start(t);
    const faults: string[] = [];
    let ready = Promise.withResolvers<undefined>();
    const redis = connectRedis(server.url, {
      silenceMs: 300,
      connected: () => {
        ready.resolve(undefined);
      },
      failed: ({ message }) => faults.push(message),
    });
    t.after(() => {
      redis.close();
    });
    await ready.promise;
    assert.equal(await redis.run('return 1', [], []), 1);
    server.freeze();
    ready = Promise.withResolvers();
    const asked: Promise<unknown>[] = [];
    while (!faults.includes('it does not answer') && !t.signal.aborted) {
      asked.push(redis.run('return 1', [], []).catch(() => 'failed'));
      await setImmediate();
    }
    assert.deepEqual(new Set(await Promise.all(asked)), new Set(['failed']));
    server.thaw();
    await ready.promise;
    assert.equal(await redis.run('return 1', [], []), 1);
  },
);

test(
  'what takes no writes any more may have handed over to another under its name, which is asked for without word of a return',
  { skip: redisMissing, timeout: 20_000 },
  async (t) => {
    const server = await RedisServer.start(t);
    await server.kill();
    await server.restart('--replicaof', '127.0.0.1', '1');
    const { promise: ready, resolve } = Promise.withResolvers<undefined>();
    let returns = 0;
    const redis = connectRedis(server.url, {
      silenceMs: 1_000,
      connected: () => {
        returns += 1;
        resolve(undefined);
      },
      failed: () => undefined,
    });
    t.after(() => {
      redis.close();
    });
    await ready;
    const faults = new Set<string>();
    while (
      !(faults.has('Error: it answers READONLY') && faults.has('Error: The client is offline')) &&
      !t.signal.aborted
    ) {
      await redis.run(`return redis.call('SET', KEYS[1], 1)`, ['a'], []).catch((error: unknown) => {
        faults.add(String(error));
      });
      await setImmediate();
    }
    t.signal.throwIfAborted();
    assert.equal(returns, 1);
    await server.kill();
    await server.restart();
    while (!t.signal.aborted) {
      if ((await redis.run('return 1', [], []).catch(() => 0)) === 1) break;
      await setImmediate();
    }
    t.signal.throwIfAborted();
  },
);

/** Of a cluster: with a port, as its nodes name one another by ports. */
async function startNode(t: TestContext): Promise<{ server: RedisServer; port: string; start: () => Promise<void> }> {
  const [port, busPort] = [String(await freePort()), String(await freePort())];
  const server = await RedisServer.start(t);
  const settings = ['--bind', '127.0.0.1', '--port', port, '--cluster-port', busPort, '--cluster-enabled', 'yes'];
  const start = async (): Promise<void> => {
    await server.kill();
    await server.restart(...settings, '--cluster-require-full-coverage', 'no');
  };
  await start();
  return { server, port, start };
}

test(
  'in a cluster the node that has the keys is asked, whichever is configured, also after it was away',
  { skip: redisMissing, timeout: 60_000 },
  async (t) => {
    const [configured, owner] = [await startNode(t), await startNode(t)];
    const busPort = async (): Promise<string> =>
      /@(\d+)/.exec(await admin(owner.server, 'CLUSTER', 'NODES'))?.[1] ?? '';
    await admin(owner.server, 'CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
    await admin(configured.server, 'CLUSTER', 'MEET', '127.0.0.1', owner.port, await busPort());
    // It knows of the other's slots by gossip.
    for (const { server } of [configured, owner]) {
      while (!/cluster_state:ok[^]*cluster_slots_assigned:16384/.test(await admin(server, 'CLUSTER', 'INFO'))) {
        t.signal.throwIfAborted();
        await setTimeout(10);
      }
    }
    const { promise: ready, resolve } = Promise.withResolvers<undefined>();
    let returns = 0;
    const faults: string[] = [];
    const redis = connectRedis(`redis://127.0.0.1:${configured.port}`, {
      connected: () => {
        returns += 1;
        resolve(undefined);
      },
      failed: ({ message }) => faults.push(message),
    });
    t.after(() => {
      redis.close();
    });
    await ready;
    const count = (): Promise<unknown> => redis.run(`return redis.call('INCR', KEYS[1])`, ['{tag}:a'], []);
    const counts = await Promise.all(Array.from({ length: 100 }, count));
    assert.deepEqual(
      counts,
      Array.from({ length: 100 }, (_, i) => i + 1),
    );
    assert.deepEqual([returns, faults], [1, []]);
    await owner.server.kill();
    await assert.rejects(count());
    await owner.start();
    let answer: unknown;
    while (answer === undefined) {
      t.signal.throwIfAborted();
      answer = await count().catch(() => undefined);
      await setImmediate();
    }
    assert.equal(answer, 1);
    // Nobody takes the configured node, which is there all the time, for the return of the other.
    assert.equal(returns, 1);
  },
);

async function admin(server: RedisServer, ...command: string[]): Promise<string> {
  const client = createClient({ socket: { tls: false, path: server.url.slice('unix://'.length) } });
  await client.connect();
  const answer = await client.sendCommand<string>(command);
  client.destroy();
  return answer;
}
