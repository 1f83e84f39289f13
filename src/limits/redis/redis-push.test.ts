// Redis can send unsolicited messages (RESP3 pushes). The gateway subscribes to none, and none has
// an effect.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { systemClock } from '../../kernel/clock.ts';
import { connectRedis } from './redis-client.ts';

async function listen(t: TestContext, serve: (socket: Socket) => void): Promise<number> {
  const server = createServer((socket) => {
    t.after(() => socket.destroy());
    socket.on('error', () => undefined);
    serve(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

/**
 * Accepts every handshake, replies with 1 to scripts, and sends `push` after the first of these
 * replies.
 */
function scripted(push: string, received: string[]): (socket: Socket) => void {
  return (socket) => {
    let hasPushed = false;
    socket.on('data', (chunk) => {
      for (const [, command = ''] of chunk.toString().matchAll(/\*\d+\r\n\$\d+\r\n(\w+)\r\n(?:\$\d+\r\n\w+)?/g)) {
        received.push(chunk.toString());
        const isScript = command === 'EVALSHA';
        socket.write(command === 'HELLO' ? '%1\r\n+proto\r\n:3\r\n' : isScript ? ':1\r\n' : '+OK\r\n');
        if (isScript && !hasPushed) socket.write(push);
        hasPushed ||= isScript;
      }
    });
  };
}

const pushes: readonly (readonly [what: string, push: (port: number) => string])[] = [
  ['another server', (port) => `>4\r\n+MOVING\r\n:1\r\n:0\r\n+127.0.0.1:${port}\r\n`],
  ['an unreachable server', () => '>4\r\n+MOVING\r\n:1\r\n:0\r\n+127.0.0.1:1\r\n'],
  ['no server', () => '>4\r\n+MOVING\r\n:1\r\n:0\r\n_\r\n'],
  ['a slot of another server', () => '>3\r\n+SMIGRATED\r\n:1\r\n:1\r\n'],
  ['maintenance', () => '>2\r\n+MIGRATING\r\n:1\r\n'],
];

for (const [what, push] of pushes) {
  test(`a push that names ${what} moves no connection and sends no password`, { timeout: 60_000 }, async (t) => {
    let strangers = 0;
    const other = await listen(t, () => (strangers += 1));
    const received: string[] = [];
    const port = await listen(t, scripted(push(other), received));
    const faults: string[] = [];
    const redis = connectRedis({ url: `redis://:secret@127.0.0.1:${port}` }, systemClock, {
      connectTimeoutMs: 60_000,
      silenceMs: 60_000,
      failed: ({ message }) => faults.push(message),
    });
    t.after(() => {
      redis.close();
    });
    for (let i = 0; i < 20; i += 1) {
      assert.equal(await redis.run('return 1', [], []), 1);
      await setImmediate();
    }
    assert.deepEqual([faults, strangers], [[], 0]);
    assert.ok(!received.some((command) => command.includes('MAINT_NOTIFICATIONS')));
  });
}
