// Replays every recorded transcript of the Go implementation against our session, on each side that
// was a real session in the recording, in tolerant and strict mode. The table lists where our
// behaviour differs from Go's, and why.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mock, test } from 'node:test';
import { flags, parseFrames, rawFrame, types } from '../../../test/helpers/mux-frames.ts';
import { lanes, Replay, type Side, type Step, type Transcript } from '../../../test/helpers/mux-replay.ts';

const { transcripts } = JSON.parse(
  readFileSync(new URL('../../../test/vectors/yamux.json', import.meta.url), 'utf8'),
) as { transcripts: readonly Transcript[] };

interface Verdict {
  readonly name: string;
  readonly side: Side;
  readonly tolerance: 'tolerant' | 'strict' | 'both';
  readonly why: string;
  /** Steps whose result differs here. */
  readonly otherwise?: (step: Step) => boolean;
  /** The frames that we send instead of the recorded ones. */
  readonly frames?: (recorded: Buffer) => Buffer;
  /** The session ends with session_protocol before the transcript does. */
  readonly refused?: true;
  readonly check?: (replay: Replay) => void;
}

function without(frame: Buffer): (recorded: Buffer) => Buffer {
  return (recorded) => {
    const at = recorded.indexOf(frame);
    assert.ok(at >= 0);
    return Buffer.concat([recorded.subarray(0, at), recorded.subarray(at + frame.length)]);
  };
}

const verdicts: readonly Verdict[] = [
  {
    name: 'closed by the opener before the accept, 16 MiB windows',
    side: 'server',
    tolerance: 'both',
    why: 'Go opens the window of a stream whose peer has sent its FIN; nothing can arrive on it, so we do not',
    frames: without(rawFrame(types.windowUpdate, 0, 1, 16_515_072)),
  },
  {
    name: 'data after FIN of the same side',
    side: 'server',
    tolerance: 'tolerant',
    why: 'end() was the last event delivered to the layer above; such data counts against the window and is dropped',
    otherwise: (step) => step.see === 'read' && step.hex === '6166746572',
    check: (replay) => {
      assert.equal(replay.recorders.get(1)?.totalBytes, 0);
      assert.equal(replay.mux.state, 'open');
    },
  },
  {
    name: 'data after FIN of the same side',
    side: 'server',
    tolerance: 'strict',
    why: 'no honest client sends after its FIN',
    refused: true,
  },
  {
    name: 'SYN on a Data frame',
    side: 'server',
    tolerance: 'both',
    why: 'a stream that arrives with SYN and RST is dead: it is not offered at all',
    otherwise: (step) => step.see !== 'session' && step.stream === 7,
    check: (replay) => {
      assert.ok(!replay.recorders.has(7));
    },
  },
  {
    name: 'stream ids of the wrong parity or order',
    side: 'server',
    tolerance: 'tolerant',
    why: 'Go opens stream 2 over the one of the peer, which it forgets; we take the next free id',
    otherwise: (step) => step.see === 'open',
    frames: (recorded) => Buffer.concat([recorded.subarray(0, -12), rawFrame(types.windowUpdate, flags.syn, 4, 0)]),
  },
  {
    name: 'stream ids of the wrong parity or order',
    side: 'server',
    tolerance: 'strict',
    why: 'even ids are ours and 0 is never used; order alone is not a violation (two goroutines of a Go client may overtake each other)',
    refused: true,
  },
  {
    name: 'stream id used again after both sides closed it',
    side: 'server',
    tolerance: 'strict',
    why: 'late frames of the old stream could not be distinguished from those of the new one',
    refused: true,
  },
  {
    name: 'frames for closed and for unknown streams',
    side: 'server',
    tolerance: 'strict',
    why: 'frames of a closed stream are dropped as in Go, but stream 99 never existed: no honest client names it',
    refused: true,
  },
  {
    name: 'window update beyond 32 bits',
    side: 'client',
    tolerance: 'tolerant',
    why: 'Go’s window wraps around to 262143; ours stays at the maximum, so all 262144 bytes are sent',
    frames: (recorded) => {
      const body = Buffer.from(Array.from({ length: 262_144 }, (_, index) => (index * 31 + 7) & 255));
      return Buffer.concat([recorded.subarray(0, 12), rawFrame(types.data, 0, 1, body.length, body)]);
    },
  },
  {
    name: 'window update beyond 32 bits',
    side: 'client',
    tolerance: 'strict',
    why: 'a window that the protocol cannot express',
    refused: true,
  },
  {
    name: 'peer that stops reading the connection',
    side: 'client',
    tolerance: 'both',
    why: 'a write has no time limit: it waits under its high-water mark, and the keepalive or a deadline of the layer above ends it',
    otherwise: (step) => step.see === 'write',
  },
];

/**
 * We split data into frames of 64 KiB at most, and may order frames of different streams
 * differently.
 */
const notByteForByte = new Set([
  '1 MiB through default windows, reads of 32 KiB in lock step: client',
  '1 MiB from server to client, uneven reads: server',
  'window boundary: client',
  '17 MiB through 16 MiB windows: client',
  '300 KiB written before the ACK, 16 MiB windows: client',
  'two streams, one not read: client',
  'window update beyond 32 bits: client',
  'keepalive, answered: client',
  'keepalive, answered: server',
]);

const sides = ['client', 'server'] as const;
const seen = new Set<Verdict>();
let replayed = 0;

for (const transcript of transcripts)
  for (const side of sides)
    for (const tolerance of ['tolerant', 'strict'] as const) {
      if (transcript[side] === 'written by hand') continue;
      const verdict = verdicts.find(
        (entry) =>
          entry.name === transcript.name &&
          entry.side === side &&
          (entry.tolerance === tolerance || entry.tolerance === 'both'),
      );
      if (verdict !== undefined) seen.add(verdict);
      const outcome = verdict === undefined ? 'as Go' : verdict.refused === true ? 'rejected' : 'unlike Go';
      test(`${transcript.name}: ${side}, ${tolerance}: ${outcome}`, async () => {
        mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1_000_000 });
        try {
          await replay(transcript, side, tolerance, verdict);
        } finally {
          mock.timers.reset();
        }
        replayed += 1;
      });
    }

async function replay(
  transcript: Transcript,
  side: Side,
  tolerance: 'tolerant' | 'strict',
  verdict: Verdict | undefined,
): Promise<void> {
  const run = new Replay({
    transcript,
    side,
    tolerance,
    tick: (ms) => {
      mock.timers.tick(ms);
    },
    now: () => Date.now(),
    otherwise: (step) => verdict?.refused === true || (verdict?.otherwise?.(step) ?? false),
  });
  if (verdict?.refused === true) {
    await run.run().catch((error: unknown) => {
      // The transcript continues after the session has ended: only its first part can be checked.
      if (run.mux.state !== 'closed') throw error;
    });
    assert.equal(run.mux.state, 'closed');
    assert.equal(run.closeError?.code, 'session_protocol');
    const last = parseFrames(Buffer.concat([run.sent, run.carrier.take()])).at(-1);
    assert.deepEqual([last?.type, last?.length], [types.goAway, 1]);
    return;
  }
  await run.run();
  verdict?.check?.(run);
  const breach = transcript.goAwayCode1SeenBeforeTheEnd !== undefined;
  const farewell = rawFrame(types.goAway, 0, 0, 1);
  // Go sends GoAway but closes before it leaves; ours is sent. Neither sends one to a peer that
  // speaks another protocol.
  const spoken = breach && !transcript.name.startsWith('bad ');
  if (spoken) assert.deepEqual(run.sent.subarray(-12), farewell);
  const sent = spoken ? run.sent.subarray(0, -12) : run.sent;
  const expected = verdict?.frames === undefined ? run.expected : verdict.frames(run.expected);
  assert.deepEqual(lanes(sent), lanes(expected));
  assert.equal(sent.equals(expected), !notByteForByte.has(`${transcript.name}: ${side}`), 'byte for byte');
}

test('every transcript was replayed, and every override was needed', () => {
  assert.equal(transcripts.length, 47);
  assert.deepEqual(
    verdicts.filter((verdict) => !seen.has(verdict)).map((verdict) => verdict.name),
    [],
  );
  assert.ok(replayed >= 2 * transcripts.length, `${replayed} replays`);
});
