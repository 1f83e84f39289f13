import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { handshakePair } from '../../../test/helpers/channel-pair.ts';
import { memoryPipePair, type MemoryPipe } from '../../../test/helpers/memory-pipe.ts';
import { PortalError } from '../errors.ts';
import { ExcessBudget } from './excess-budget.ts';
import { FrameSealer } from './frame-sealer.ts';
import { processHeaders } from './header-pool.ts';
import { SecurePipe } from './secure-pipe.ts';

async function settle(): Promise<void> {
  for (let i = 0; i < 20; i += 1) await turn();
}

class Listener {
  received = '';
  events: string[] = [];
  onData: () => void = () => undefined;
  constructor(pipe: SecurePipe) {
    pipe.setHandler({
      data: (chunk) => {
        this.received += chunk.toString();
        this.events.push('data');
        this.onData();
      },
      end: () => this.events.push('end'),
      drain: () => this.events.push('drain'),
      closed: (error) => this.events.push(`closed ${error instanceof PortalError ? error.code : String(error)}`),
    });
  }
}

interface Pair {
  readonly client: SecurePipe;
  readonly server: SecurePipe;
  readonly clientPipe: MemoryPipe;
}

function pair(options: Parameters<typeof memoryPipePair>[0] = {}): Pair {
  const results = handshakePair();
  const [clientPipe, serverPipe] = memoryPipePair(options);
  const client = new SecurePipe(clientPipe, { result: results.client });
  return { client, server: new SecurePipe(serverPipe, { result: results.server }), clientPipe };
}

describe('a secure pipe', () => {
  it('holds data that arrives before its first handler', async () => {
    const { client, server } = pair();
    server.write(Buffer.from('early'));
    server.end();
    await settle();
    const listener = new Listener(client);
    assert.deepEqual([listener.received, listener.events], ['early', ['data', 'end']]);
  });

  it('delivers nothing while paused, then in order, and opens the window only then', async () => {
    const { client, server, clientPipe } = pair({ windowBytes: 64 * 1024 });
    const listener = new Listener(client);
    client.pause();
    for (let i = 0; i < 100; i += 1) server.write(Buffer.alloc(2048, i));
    server.end();
    await settle();
    assert.deepEqual([listener.events, listener.received], [[], '']);
    assert.ok(clientPipe.unconsumedBytes > 60_000 && clientPipe.unconsumedBytes <= 64 * 1024);
    client.resume();
    await settle();
    assert.equal(listener.received.length, 100 * 2048);
    assert.equal(listener.events.at(-1), 'end');
  });

  it('stops at once when its handler pauses it, also within held data', async () => {
    const { client, server } = pair();
    const listener = new Listener(client);
    listener.onData = () => {
      client.pause();
    };
    const [a, b, c] = ['a', 'b', 'c'].map((letter) => letter.repeat(2048)) as [string, string, string];
    for (const text of [a, b, c]) {
      server.write(Buffer.from(text));
      await settle();
    }
    assert.equal(listener.received, a);
    client.resume();
    assert.equal(listener.received, a + b);
    client.resume();
    assert.equal(listener.received, a + b + c);
  });

  it('merges frames of single bytes into a few pieces while paused', async () => {
    const { client, server } = pair();
    const listener = new Listener(client);
    client.pause();
    for (let i = 0; i < 200; i += 1) {
      server.write(Buffer.from('x'));
      await turn();
    }
    await settle();
    client.resume();
    assert.deepEqual([listener.received.length, listener.events.length], [200, 1]);
  });

  it('ends a tunnel whose frame exceeds what all tunnels together may hold beyond their windows', async () => {
    const mebibyte = 1024 * 1024;
    const excess = new ExcessBudget(4 * mebibyte);
    const open = (): {
      readonly listener: Listener;
      readonly client: SecurePipe;
      readonly send: (bytes: number) => void;
    } => {
      const results = handshakePair();
      const [clientPipe, serverPipe] = memoryPipePair({ windowBytes: 256 * 1024 });
      const client = new SecurePipe(clientPipe, { result: results.client, excess });
      const listener = new Listener(client);
      const sealer = new FrameSealer(results.server.sendKey, processHeaders, 64 * mebibyte);
      // One frame without its tag.
      const send = (bytes: number): void => void serverPipe.write(sealer.seal([Buffer.alloc(bytes, 'x')]).slice(0, -1));
      return { listener, client, send };
    };
    const first = open();
    first.send(3 * mebibyte);
    await settle();
    assert.equal(first.client.closed, false);
    const second = open();
    second.send(3 * mebibyte);
    await settle();
    assert.deepEqual(second.listener.events, ['closed frame_malformed']);
    assert.equal(first.client.closed, false);
    // The budget is refunded when its tunnel closes.
    first.client.destroy();
    const third = open();
    third.send(3 * mebibyte);
    await settle();
    assert.equal(third.client.closed, false);
  });

  it('closes without a reset once both directions have ended', async () => {
    const { client, server, clientPipe } = pair();
    const listener = new Listener(client);
    new Listener(server);
    client.write(Buffer.from('x'));
    client.end();
    client.write(Buffer.from('ignored'));
    server.end();
    await settle();
    assert.deepEqual(listener.events, ['end', 'closed undefined']);
    assert.deepEqual([client.closed, clientPipe.seen.reset, client.bytesSent], [true, false, 1]);
  });

  it('reports its end once, also to a later handler', async () => {
    const { client, server } = pair();
    const listener = new Listener(client);
    client.destroy();
    client.destroy();
    await settle();
    assert.deepEqual(listener.events, ['closed undefined']);
    const late = new Listener(server);
    await settle();
    assert.deepEqual(late.events, ['closed stream_reset']);
  });

  it('stops within a chunk when its handler destroys it', async () => {
    const { client, server } = pair();
    const listener = new Listener(client);
    listener.onData = () => {
      client.destroy();
    };
    server.write(Buffer.alloc(130_000));
    server.write(Buffer.alloc(130_000));
    await settle();
    assert.deepEqual(listener.events, ['data', 'closed undefined']);
  });

  it('reports when it is full and when it has room again', async () => {
    const { client, server } = pair({ windowBytes: 64 * 1024, highWaterMarkBytes: 64 * 1024 });
    const listener = new Listener(client);
    server.pause();
    new Listener(server);
    let written = 0;
    while (client.write(Buffer.alloc(16_384))) {
      written += 16_384;
      await settle();
    }
    assert.equal(client.needsDrain, true);
    assert.ok(written < 1024 * 1024);
    server.resume();
    await settle();
    assert.deepEqual([listener.events, client.needsDrain], [['drain'], false]);
  });
});
