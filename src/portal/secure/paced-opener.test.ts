import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { handshakePair } from '../../../test/helpers/channel-pair.ts';
import { FrameOpener } from './frame-opener.ts';
import { FramePace } from './frame-pace.ts';
import { FrameSealer } from './frame-sealer.ts';
import { maxFrameBytes } from './frame-format.ts';
import { processHeaders } from './header-pool.ts';
import { PacedOpener } from './paced-opener.ts';

const pacedFrames = 10;

class Side {
  received = '';
  openedBytes = 0;
  events: string[] = [];
  /** One frame for each letter. */
  readonly seal: (text: string) => Buffer;
  readonly opener: PacedOpener;
  onData: () => void = () => undefined;

  constructor(pace: FramePace) {
    const { client, server } = handshakePair();
    const sealer = new FrameSealer(server.sendKey, processHeaders);
    this.seal = (text) => Buffer.concat(Array.from(text).flatMap((letter) => sealer.seal([Buffer.from(letter)])));
    const frames = new FrameOpener(client.receiveKey, maxFrameBytes, (plaintext) => {
      this.received += plaintext.toString();
      this.onData();
    });
    this.opener = new PacedOpener(frames, pace, {
      opened: (bytes) => {
        this.openedBytes += bytes;
      },
      failed: () => this.events.push('failed'),
      ended: () => this.events.push('ended'),
    });
  }
}

describe('frames beyond the number opened per turn', () => {
  it('wait, uncredited and in order, and the end waits after them', async () => {
    const side = new Side(new FramePace(pacedFrames));
    const text = 'abcdefghijklmnopqrstuvwxyz';
    const bytes = side.seal(text);
    // The buffer is reused for the next read.
    const lent = Buffer.from(bytes.subarray(0, 700));
    side.opener.push(lent);
    lent.fill(0);
    side.opener.push(bytes.subarray(700));
    side.opener.end();
    assert.deepEqual([side.received, side.openedBytes, side.events], ['abcdefghij', 10 * 33, []]);
    await turn();
    assert.equal(side.received, text.slice(0, 20));
    await turn();
    assert.deepEqual([side.received, side.openedBytes, side.events], [text, bytes.length, ['ended']]);
  });

  it('do not delay frames of other tunnels', async () => {
    const pace = new FramePace(pacedFrames);
    const [greedy, other] = [new Side(pace), new Side(pace)];
    greedy.opener.push(greedy.seal('x'.repeat(200)));
    other.opener.push(other.seal('y'));
    assert.equal(other.received, '');
    for (let turns = 0; turns < 3; turns += 1) await turn();
    assert.equal(other.received, 'y');
    assert.ok(greedy.received.length < 50);
  });

  it('are dropped with their tunnel, also within its handler', async () => {
    const side = new Side(new FramePace(pacedFrames));
    side.onData = () => {
      if (side.received.length === 15) side.opener.dispose();
    };
    side.opener.push(side.seal('x'.repeat(30)));
    side.opener.end();
    for (let turns = 0; turns < 5; turns += 1) await turn();
    assert.deepEqual([side.received.length, side.events], [15, []]);
  });

  it('fail the tunnel in their turn if they do not open', async () => {
    const side = new Side(new FramePace(pacedFrames));
    const bytes = side.seal('x'.repeat(15));
    bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1);
    side.opener.push(bytes);
    assert.deepEqual(side.events, []);
    await turn();
    assert.deepEqual([side.received.length, side.events], [14, ['failed']]);
  });
});
