// Receive windows of sessions that share a budget: what idle streams return, and the share of each
// holder. Checks the frames on the wire.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { flags, types } from '../../../test/helpers/mux-frames.ts';
import { MuxPeer } from '../../../test/helpers/mux-peer.ts';
import type { MuxOptions } from './mux.ts';
import { WindowBudget } from './window-budget.ts';

const kib = 1_024;
const initialBytes = 256 * kib;
const mebibyte = 1_024 * kib;
const block = Buffer.alloc(64 * kib);

class Sessions {
  nowMs = 1_000;
  readonly budget = new WindowBudget(64 * mebibyte);

  session(options: Partial<MuxOptions> = {}): MuxPeer {
    return new MuxPeer({
      clock: { monotonicMs: () => this.nowMs, wallMs: () => 0 },
      ...{ maxReceiveWindowBytes: 16 * mebibyte, nearWindowBytes: 16 * mebibyte, windowBudget: this.budget },
      ...options,
    });
  }

  /**
   * Opens a stream of the peer, which sends all that it may and is read at once, until its window
   * stops growing. Returns the growth.
   */
  async fill(peer: MuxPeer, id: number): Promise<number> {
    peer.feed(types.windowUpdate, flags.syn, id, 0);
    peer.accept();
    await peer.sent();
    return this.fillOpen(peer, id);
  }

  /** As fill, for an open stream that has not sent anything yet. */
  async fillOpen(peer: MuxPeer, id: number): Promise<number> {
    const beforeBytes = this.budget.heldBytes;
    let [creditBytes, heldBytes] = [initialBytes, beforeBytes];
    for (let still = 0; still < 3; still += 1) {
      for (let leftBytes = creditBytes; leftBytes > 0; leftBytes -= block.length) {
        const bytes = Math.min(leftBytes, block.length);
        peer.feed(types.data, 0, id, bytes, block.subarray(0, bytes));
        creditBytes -= bytes;
      }
      for (const frame of await peer.sent()) {
        const [, granted] = new RegExp(`^WindowUpdate - ${id} (\\d+)$`).exec(frame) ?? [];
        creditBytes += Number(granted ?? 0);
      }
      if (this.budget.heldBytes > heldBytes) still = 0;
      heldBytes = this.budget.heldBytes;
    }
    return heldBytes - beforeBytes;
  }
}

test('idle streams release their growth to the first stream that needs it, in any session', async () => {
  const lone = new Sessions();
  const alone = await lone.fill(lone.session(), 1);
  const sessions = new Sessions();
  const idle = sessions.session();
  for (let id = 1; id < 40; id += 2) await sessions.fill(idle, id);
  const next = sessions.session();
  const beside = await sessions.fill(next, 1);
  assert.ok(beside < 0.75 * alone, `${beside} beside busy streams, ${alone} without`);
  sessions.nowMs += 3_000;
  const after = await sessions.fill(sessions.session(), 1);
  assert.ok(after > 0.9 * alone, `${after} beside idle streams, ${alone} without`);
  assert.ok(sessions.budget.heldBytes <= 64 * mebibyte, `${sessions.budget.heldBytes} held`);
  for (const session of [idle, next]) session.mux.close();
  assert.equal(sessions.budget.heldBytes, after, 'a session that ends releases everything');
});

test('sessions of one holder share its part, and another holder still gets growth', async () => {
  const sessions = new Sessions();
  const many = Array.from({ length: 8 }, () => sessions.session({ windowHolder: 'many' }));
  for (const session of many) for (let id = 1; id < 16; id += 2) await sessions.fill(session, id);
  const held = sessions.budget.heldBytesOf('many');
  assert.equal(held, sessions.budget.heldBytes);
  assert.ok(held <= 16 * mebibyte, `${held} of 32 MiB for windows in use`);
  const grownBytes = await sessions.fill(sessions.session({ windowHolder: 'one' }), 1);
  assert.ok(grownBytes >= 2 * mebibyte, `${grownBytes} for the other`);
});

test('streams to one lease share a part, whatever else the session carries', async () => {
  const sessions = new Sessions();
  const session = sessions.session({ role: 'client' });
  const open = async (holder: string): Promise<number> => {
    const pipe = await session.mux.open(undefined, holder);
    pipe.setHandler({
      data: (chunk) => {
        pipe.consumed(chunk.length);
      },
      ...{ end: () => undefined, drain: () => undefined, error: () => undefined },
    });
    await session.sent();
    session.feed(types.windowUpdate, flags.ack, pipe.id, 0);
    return sessions.fillOpen(session, pipe.id);
  };
  for (let count = 0; count < 64; count += 1) await open('hog');
  assert.ok(sessions.budget.heldBytesOf('hog') <= 16 * mebibyte, `${sessions.budget.heldBytesOf('hog')}`);
  const grownBytes = await open('other');
  assert.ok(grownBytes >= 2 * mebibyte, `${grownBytes} for the other lease`);
});

test('a thousand streams that carry little use nothing of the budget', () => {
  const sessions = new Sessions();
  const session = sessions.session({ acceptBacklog: 1_000 });
  for (let id = 1; id < 2_000; id += 2) {
    session.feed(types.windowUpdate, flags.syn, id, 0);
    const stream = session.accept();
    session.feed(types.data, 0, id, block.length, block);
    assert.equal(stream.totalBytes, block.length);
  }
  assert.equal(session.mux.streamCount, 1_000);
  assert.equal(sessions.budget.heldBytes, 0);
});
