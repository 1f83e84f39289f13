import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { PortalError } from '../errors.ts';
import { LeaseListReader, maxMetadataBytes } from './lease-list-reader.ts';
import { prefixLength } from './length-prefix.ts';
import { decodePacket, encodePacket } from './packets.ts';
import type { WireLease } from './wire-types.ts';

const idOf = (letter: string): string => letter.repeat(26);
const publicKey = new Uint8Array(32);

function lease(letter: string, more: Partial<WireLease> = {}): WireLease {
  return {
    identity: { id: idOf(letter), publicKey },
    expires: 4_000_000_000n,
    name: letter,
    alpn: ['http/1.1'],
    metadata: '{}',
    ...more,
  };
}

function packetOf(leases: readonly WireLease[]): Buffer {
  const identity = { id: idOf('R'), publicKey };
  return encodePacket({ type: 'relayInfoResponse', relayInfo: { identity, address: ['ws://r/relay'], leases } });
}

/** Splits the packet into chunks of these lengths, repeated. */
function read(packet: Buffer, lengths: readonly number[] = [packet.length]): LeaseListReader {
  const reader = new LeaseListReader({ maxLeases: 1_000 });
  for (let at = 0, i = 0; at < packet.length; i += 1) {
    const length = lengths[i % lengths.length] ?? 1;
    const chunk = Buffer.from(packet.subarray(at, at + length));
    for (const work = reader.read(chunk); work.next().done !== true;);
    // The chunk is overwritten, because its buffer is only valid during the call.
    chunk.fill(0xff);
    at += length;
  }
  return reader;
}

/** The result of the whole-packet decoder. */
function oracle(packet: Buffer): object | string {
  try {
    const decoded = decodePacket(packet.subarray(4));
    if (decoded.type !== 'relayInfoResponse') return 'packet_unexpected';
    return (decoded.relayInfo?.leases ?? []).map(({ identity, expires, name, alpn, metadata }) => ({
      ...{ id: identity?.id ?? '', name, alpn, metadata, expiresAtMs: Number(expires) * 1000 },
    }));
  } catch (error) {
    if (error instanceof PortalError) return error.code;
    throw error;
  }
}

function outcome(packet: Buffer, lengths: readonly number[]): object | string {
  try {
    const reader = read(packet, lengths);
    return reader.done ? reader.result().leases : 'incomplete';
  } catch (error) {
    if (error instanceof PortalError) return error.code;
    throw error;
  }
}

const chunkLengths = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 6 });

test('reads the same as the decoder of whole packets, however the list is split', () => {
  const alphabet = Array.from('ABCDEFGHIJKLMNOPQRSTUVWXYZ');
  const leases = fc.uniqueArray(fc.constantFrom(...alphabet), { maxLength: 8 }).chain((letters) =>
    fc.tuple(
      ...letters.map((letter) =>
        fc
          .record({
            name: fc.string({ unit: 'grapheme', maxLength: 20 }).filter((name) => !name.startsWith('\ufeff')),
            expires: fc.bigInt({ min: -(2n ** 40n), max: 2n ** 40n }),
            alpn: fc.array(fc.constantFrom('', 'http/1.1', 'h2'), { maxLength: 4 }),
            metadata: fc.constantFrom('', '{"description":"ü"}'),
          })
          .map((more) => lease(letter, more)),
      ),
    ),
  );
  fc.assert(
    fc.property(leases, chunkLengths, (some, lengths) => {
      const packet = packetOf(some);
      assert.deepEqual(outcome(packet, lengths), oracle(packet));
    }),
  );
});

test('rejects the same as the decoder of whole packets: any byte changed, or truncated anywhere', () => {
  const whole = packetOf([lease('A'), lease('B', { name: 'ü', alpn: ['h2', 'http/1.1'] })]);
  const isFault = (result: object | string): boolean => typeof result === 'string';
  fc.assert(
    fc.property(fc.nat(whole.length - 5), fc.nat(255), chunkLengths, (at, byte, lengths) => {
      const packet = Buffer.from(whole);
      packet[4 + at] = byte;
      const [ours, theirs] = [outcome(packet, lengths), oracle(packet)];
      assert.equal(isFault(ours), isFault(theirs), `${String(at)} ${String(byte)}: ${JSON.stringify(ours)}`);
    }),
    { numRuns: 2_000 },
  );
  for (let length = 0; length < whole.length - 4; length += 1) {
    const packet = prefixLength(whole.subarray(4, 4 + length));
    assert.equal(isFault(outcome(packet, [7])), isFault(oracle(packet)), `${length} bytes`);
  }
});

describe('an unusable entry affects only itself', () => {
  const good = lease('G');
  const rows: [what: string, bad: Partial<WireLease>, reason: string][] = [
    ['no identity', { identity: undefined }, 'bad_id'],
    ['a long id', { identity: { id: 'A'.repeat(1_000_000), publicKey } }, 'bad_id'],
    ['a long name', { name: 'n'.repeat(1_000_000) }, 'name_too_long'],
    ['a name of 257 bytes', { name: `${'é'.repeat(128)}x` }, 'name_too_long'],
    ['a name in the form of an id', { name: idOf('G') }, 'name_is_id'],
  ];
  for (const [what, bad, reason] of rows) {
    test(what, () => {
      const { leases, ignored } = read(packetOf([lease('B', bad), good]), [1_000]).result();
      assert.deepEqual(
        leases.map(({ id }) => id),
        [idOf('G')],
      );
      assert.deepEqual([...ignored], [[reason, 1]]);
    });
  }

  test('drops long metadata and excess protocols, and keeps the entry', () => {
    const alpn = Array.from({ length: 100_000 }, () => 'http/1.1');
    for (const bytes of [maxMetadataBytes, maxMetadataBytes + 1, 2_000_000]) {
      const [first] = read(packetOf([lease('M', { metadata: 'm'.repeat(bytes), alpn }), good]), [4_096]).result()
        .leases;
      assert.deepEqual(
        [first?.name, first?.metadata.length, first?.alpn.length],
        ['M', bytes === maxMetadataBytes ? bytes : 0, 16],
      );
    }
  });
});

test('accepts a list of 2^26 bytes and rejects a longer one by its announced length', () => {
  const reader = new LeaseListReader({ maxLeases: 1 });
  assert.deepEqual([...reader.read(Buffer.from('04000000', 'hex'))], []);
  assert.equal(reader.done, false);
  const work = new LeaseListReader({ maxLeases: 1 }).read(Buffer.from('04000001', 'hex'));
  assert.throws(() => work.next(), { code: 'packet_too_large' });
});
