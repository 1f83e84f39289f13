// Mutates valid bytes against every decoder that a hostile peer can reach. Each input must be
// accepted or give a typed error, never another exception, and never plaintext that was not sealed.
import assert from 'node:assert/strict';
import { createSecretKey } from 'node:crypto';
import { it } from 'node:test';
import { hex, readVectors } from '../../test/helpers/vectors.ts';
import { PortalError, type PortalErrorCode } from './errors.ts';
import { createCredential, credentialFromSeed } from './identity.ts';
import { MessageReader } from './packets/message-reader.ts';
import { decodePacket, encodePacket } from './packets/packets.ts';
import { decodeSigned } from './packets/signed-payload.ts';
import { FrameOpener } from './secure/frame-opener.ts';
import { FrameSealer } from './secure/frame-sealer.ts';
import { maxFrameBytes } from './secure/frame-format.ts';
import { respondToHandshake, startClientHandshake } from './secure/handshake.ts';

type Random = (below: number) => number;

/** mulberry32: the same mutations on every run. */
function seeded(seed: number): Random {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

const interestingBytes = [0x00, 0x01, 0x7f, 0x80, 0xff, 0x0a, 0x12, 0x1b, 0x1c];

/**
 * Applies one to four mutations: a bit flipped, a byte replaced, bytes removed, doubled or
 * inserted, or the end truncated.
 */
function mutate(random: Random, original: Buffer): Buffer {
  let bytes = Buffer.from(original);
  for (let edits = 1 + random(4); edits > 0; edits -= 1) {
    const at = random(bytes.length + 1);
    const span = 1 + random(8);
    switch (random(6)) {
      case 0:
        if (at < bytes.length) bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << random(8)), at);
        break;
      case 1:
        if (at < bytes.length) bytes.writeUInt8(interestingBytes[random(interestingBytes.length)] ?? 0, at);
        break;
      case 2:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + span)]);
        break;
      case 3:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at, at + span), bytes.subarray(at)]);
        break;
      case 4:
        bytes = Buffer.concat([bytes.subarray(0, at), Buffer.alloc(span, random(256)), bytes.subarray(at)]);
        break;
      default:
        bytes = bytes.subarray(0, at);
    }
  }
  return bytes;
}

/** Runs the decoder. Returns the error code if it rejected the input. */
function verdict(decode: () => void): PortalErrorCode | 'taken' {
  try {
    decode();
    return 'taken';
  } catch (error) {
    if (error instanceof PortalError) return error.code;
    throw error;
  }
}

function pick<Item>(random: Random, items: readonly Item[]): Item {
  const item = items[random(items.length)];
  assert.ok(item !== undefined);
  return item;
}

it('60,000 mutated packets give a packet or a typed error', () => {
  const random = seeded(1);
  const { roundTrip, lenient } = readVectors('packets') as Record<'roundTrip' | 'lenient', { wireHex: string }[]>;
  const seeds = [...roundTrip, ...lenient].map(({ wireHex }) => hex(wireHex)).filter(({ length }) => length < 2000);
  const tally = new Map<string, number>();
  for (let run = 0; run < 60_000; run += 1) {
    const wire = mutate(random, pick(random, seeds));
    const outcome = verdict(() => {
      const reader = new MessageReader(64 * 1024);
      reader.push(wire);
      const message = reader.next();
      if (message === undefined) return;
      const packet = decodePacket(message);
      // An accepted packet can be encoded again with the same meaning.
      assert.deepEqual(decodePacket(encodePacket(packet).subarray(4)), packet);
    });
    tally.set(outcome, (tally.get(outcome) ?? 0) + 1);
  }
  assert.deepEqual([...tally.keys()].sort(), ['packet_malformed', 'packet_too_large', 'packet_unexpected', 'taken']);
  for (const [outcome, count] of tally) assert.ok(count > 100, `${outcome} was reached only ${count} times`);
});

it('20,000 mutated handshake messages, in either role, are rejected with a typed error', () => {
  const random = seeded(2);
  const app = createCredential();
  const client = credentialFromSeed(Buffer.alloc(32, 1));
  const handshake = startClientHandshake({ now: Date.now, credential: client, alpn: 'http/1.1' });
  const first = handshake.message.subarray(4);
  const response = respondToHandshake({ now: Date.now, credential: app, alpns: ['http/1.1'] }, first).message.subarray(
    4,
  );
  const seen = new Set<string>();
  for (let run = 0; run < 10_000; run += 1) {
    const [badFirst, badResponse] = [mutate(random, first), mutate(random, response)];
    const outcomes = [
      verdict(() => respondToHandshake({ now: Date.now, credential: app, alpns: ['http/1.1'] }, badFirst)),
      verdict(() => handshake.finish(badResponse, app.id)),
    ];
    const originals = [first, response];
    for (const [index, bad] of [badFirst, badResponse].entries()) {
      const outcome = outcomes[index] ?? 'taken';
      seen.add(outcome);
      if (outcome !== 'taken') assert.match(outcome, /^(?:handshake_|clock_skew$)/);
      // The wrapper can be encoded in several ways, the signed bytes cannot.
      else assert.deepEqual(decodeSigned(bad), decodeSigned(originals[index] ?? bad));
    }
  }
  const codes = ['malformed', 'identity', 'signature', 'alpn'].map((code) => `handshake_${code}`);
  for (const code of ['clock_skew', ...codes]) assert.ok(seen.has(code), `${code} was never reached`);
});

it('50,000 mutated streams of frames, in random pieces, give only complete frames that were sealed', () => {
  const random = seeded(3);
  const key = createSecretKey(Buffer.alloc(32, 9));
  let nonce = 0;
  const headers = {
    next: () => {
      const header = Buffer.alloc(16);
      header.writeUInt32BE((nonce += 1), 12);
      return header;
    },
  };
  const sealer = new FrameSealer(key, headers);
  const plaintexts = ['first', '', 'the second frame', 'x'.repeat(300)];
  const frames = plaintexts.map((text) => Buffer.concat(sealer.seal([Buffer.from(text)])));
  const stream = Buffer.concat(frames);
  const seen = new Set<string>();
  for (let run = 0; run < 50_000; run += 1) {
    const bad = mutate(random, stream);
    let plaintext = '';
    const opener = new FrameOpener(key, maxFrameBytes, (piece) => {
      plaintext += piece.toString();
    });
    const outcome = verdict(() => {
      for (let offset = 0; offset < bad.length;) {
        const size = 1 + random(200);
        opener.push(bad.subarray(offset, offset + size));
        offset += size;
      }
    });
    seen.add(outcome);
    if (outcome !== 'taken') assert.equal(outcome, 'frame_malformed');
    // A relay may drop, repeat or swap whole frames; all other changes are rejected.
    assert.match(plaintext, /^(?:first|the second frame|x{300})*$/);
    opener.dispose();
  }
  assert.deepEqual([...seen].sort(), ['frame_malformed', 'taken']);
});
