import assert from 'node:assert/strict';
import { createHash, createSecretKey, randomBytes } from 'node:crypto';
import process from 'node:process';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { FrameVectors } from '../../../test/helpers/frame-vectors.ts';
import { piecesOf } from '../../../test/helpers/pieces.ts';
import { portalError } from '../../../test/helpers/portal-error.ts';
import { hex, readVectors, ruledBytes } from '../../../test/helpers/vectors.ts';
import { PortalError } from '../errors.ts';
import { FrameOpener } from './frame-opener.ts';
import { framePlaintextBytes, FrameSealer } from './frame-sealer.ts';
import { maxGoFrameBytes, maxFrameBytes, overheadBytes } from './frame-format.ts';
import { HeaderPool, type HeaderSource } from './header-pool.ts';
import { processSmallFrameCipher, type SmallFrameCipher } from './small-frame-cipher.ts';

const vectors = readVectors('frames') as FrameVectors;
/** The Go writer's maximum of a frame's plaintext; ours is smaller. */
const goPlaintextBytes = 2 ** 25;

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function nonces(...list: string[]): HeaderSource {
  return { next: () => Buffer.concat([Buffer.alloc(4), hex(list.shift() ?? assert.fail('one frame too many'))]) };
}

interface Reading {
  plaintext: Buffer;
  error: PortalError | undefined;
  atBoundary: boolean;
}

function readWith(
  cipher: SmallFrameCipher | null,
  keyHex: string,
  chunks: Iterable<Buffer>,
  limit: number = maxFrameBytes,
): Reading {
  const plaintext: Buffer[] = [];
  const opener = new FrameOpener(createSecretKey(hex(keyHex)), limit, (piece) => plaintext.push(piece), cipher);
  let error: PortalError | undefined;
  try {
    for (const chunk of chunks) opener.push(chunk);
  } catch (caught) {
    assert.ok(caught instanceof PortalError);
    error = caught;
  }
  return { plaintext: Buffer.concat(plaintext), error, atBoundary: opener.atBoundary };
}

const ciphers: readonly (readonly [name: string, cipher: SmallFrameCipher | null])[] = [
  ['with WebAssembly for small ones', processSmallFrameCipher],
  ['with node:crypto for all', null],
];

for (const [name, cipher] of ciphers) {
  const read = (keyHex: string, chunks: Iterable<Buffer>, limit?: number): Reading =>
    readWith(cipher, keyHex, chunks, limit);

  describe(`frames from the Go writer, ${name}`, () => {
    for (const vector of vectors.writes) {
      const plaintext =
        vector.plaintextHex === undefined
          ? ruledBytes(vector.plaintextLength ?? 0, vector.plaintextRule ?? { mul: 1, add: 0 })
          : hex(vector.plaintextHex);
      it(`seals ${vector.name}`, () => {
        const sealer = new FrameSealer(
          createSecretKey(hex(vector.keyHex)),
          nonces(vector.nonceHex),
          goPlaintextBytes,
          cipher,
        );
        const frame = Buffer.concat(sealer.seal([plaintext]));
        if (plaintext.length === 0) {
          // Valid on the wire, but our writer never sends one.
          assert.equal(frame.length, 0);
          return;
        }
        if (vector.frameHex !== undefined) assert.equal(frame.toString('hex'), vector.frameHex);
        else {
          assert.equal(frame.length, vector.frameLength);
          assert.ok(frame.toString('hex').startsWith(vector.frameHeadHex ?? '?'));
          assert.ok(frame.toString('hex').endsWith(vector.frameTailHex ?? '?'));
          assert.equal(sha256(frame), vector.frameSha256);
        }
        for (const size of [1000, 32 * 1024, frame.length]) {
          const reading = read(vector.keyHex, piecesOf(frame, size));
          assert.deepEqual([reading.error, reading.atBoundary], [undefined, true]);
          assert.ok(reading.plaintext.equals(plaintext));
        }
      });
    }

    for (const vector of vectors.splitWrites) {
      it(vector.name, () => {
        const plaintext = ruledBytes(vector.plaintextLength, vector.plaintextRule);
        const headers = nonces(...vector.frames.map(({ nonceHex }) => nonceHex));
        const sealer = new FrameSealer(createSecretKey(hex(vector.keyHex)), headers, goPlaintextBytes, cipher);
        const wire = Buffer.concat(sealer.seal([plaintext]));
        assert.equal(wire.length, vector.wireLength);
        assert.equal(sha256(wire), vector.wireSha256);
        let offset = 0;
        for (const { frameLength, frameSha256 } of vector.frames) {
          assert.equal(sha256(wire.subarray(offset, offset + frameLength)), frameSha256);
          offset += frameLength;
        }
        // The longest frame of a Go app is accepted by default.
        const reading = read(vector.keyHex, piecesOf(wire, 256 * 1024), maxGoFrameBytes);
        assert.equal(reading.error, undefined);
        assert.equal(sha256(reading.plaintext), sha256(plaintext));
      });
    }
  });

  describe(`streams of frames, compared with the Go reader, ${name}`, () => {
    for (const vector of vectors.reads) {
      it(vector.name, () => {
        const stream = hex(vector.streamHex);
        // Go continues after a frame that fails to open; we end the stream, because it was tampered
        // with.
        const failsAt = vector.reads.findIndex(({ error }) => error === 'ErrDecryptionFailed');
        const before = failsAt === -1 ? vector.reads : vector.reads.slice(0, failsAt);
        const expected = before.map(({ dataHex }) => dataHex).join('');
        // If the stream ends after a length, Go reports EOF as for a normal end. We report a
        // truncated frame.
        const truncated =
          vector.reads.some(({ error }) => error === 'unexpected EOF') ||
          vector.name === 'stream ends after the length';
        for (const size of [1, 2, 3, 7, 16, 17, 28, 33, Math.max(1, stream.length)]) {
          const reading = read(vector.keyHex, piecesOf(stream, size));
          assert.equal(reading.plaintext.toString('hex'), expected);
          if (failsAt === -1) assert.deepEqual([reading.error, reading.atBoundary], [undefined, !truncated]);
          else assert.equal(reading.error?.code, 'frame_malformed');
        }
      });
    }
  });

  describe(`FrameSealer and FrameOpener, ${name}`, () => {
    const keyHex = '11'.repeat(32);
    const key = createSecretKey(hex(keyHex));
    const seal = (...plaintext: Uint8Array[]): Buffer =>
      Buffer.concat(new FrameSealer(key, new HeaderPool(), framePlaintextBytes, cipher).seal(plaintext));

    it('carry any pieces, however split', () => {
      const piece = fc.oneof(
        { weight: 4, arbitrary: fc.uint8Array({ maxLength: 60 }) },
        {
          weight: 1,
          arbitrary: fc.integer({ min: 1900, max: 70_000 }).map((length) => new Uint8Array(randomBytes(length))),
        },
      );
      fc.assert(
        fc.property(
          fc.array(piece, { maxLength: 12 }),
          fc.array(fc.integer({ min: 1, max: 40_000 }), { minLength: 1, maxLength: 10 }),
          (pieces, sizes) => {
            const wire = seal(...pieces);
            const chunks: Buffer[] = [];
            for (let offset = 0, turn = 0; offset < wire.length; turn += 1) {
              const size = sizes[turn % sizes.length] ?? 1;
              chunks.push(wire.subarray(offset, offset + size));
              offset += size;
            }
            const reading = read(keyHex, chunks);
            assert.deepEqual([reading.error, reading.atBoundary], [undefined, true]);
            assert.ok(reading.plaintext.equals(Buffer.concat(pieces)));
          },
        ),
        { numRuns: 200, seed: 2 },
      );
    });

    it('fail on any flipped bit, split or not, and release nothing of the frame', () => {
      const wire = seal(Buffer.from('attack at dawn'));
      for (let bit = 0; bit < wire.length * 8; bit += 1) {
        const flipped = Buffer.from(wire);
        flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
        for (const size of [1, 20, wire.length]) {
          const reading = read(keyHex, piecesOf(flipped, size));
          assert.equal(reading.plaintext.length, 0, `bit ${bit}`);
          // A flipped bit in the length can make the frame longer than the input: it is then
          // incomplete, not yet invalid.
          if (reading.error === undefined) assert.ok(bit < 32 && !reading.atBoundary, `bit ${bit}`);
          else assert.equal(reading.error.code, 'frame_malformed');
        }
      }
    });

    it('release nothing of a frame before its last byte', () => {
      const wire = seal(randomBytes(20_000));
      const delivered: Buffer[] = [];
      const opener = new FrameOpener(key, maxFrameBytes, (piece) => delivered.push(piece), cipher);
      for (const chunk of piecesOf(wire.subarray(0, -1), 5000)) opener.push(chunk);
      assert.equal(delivered.length, 0);
      opener.push(wire.subarray(-1));
      assert.equal(Buffer.concat(delivered).length, 20_000);
    });

    it('reject a length over the limit from its four bytes only', () => {
      for (const [length, limit] of [
        [2 ** 26 + 1, maxFrameBytes],
        [2 ** 32 - 1, maxFrameBytes],
        [1001, 1000],
        [overheadBytes - 1, maxFrameBytes],
        [0, maxFrameBytes],
      ] as const) {
        const header = Buffer.alloc(4);
        header.writeUInt32BE(length);
        for (const size of [1, 4]) {
          assert.equal(read(keyHex, piecesOf(header, size), limit).error?.code, 'frame_malformed', `length ${length}`);
        }
      }
      const header = Buffer.from('04000000', 'hex');
      assert.equal(read(keyHex, [header]).error, undefined);
    });

    it('use memory for the bytes received, not for the announced length, in pieces of any size', () => {
      const wire = Buffer.concat([Buffer.from('04000000', 'hex'), Buffer.alloc(12 + 512 * 1024)]);
      const before = process.memoryUsage();
      const opener = new FrameOpener(key, maxFrameBytes, () => assert.fail('plaintext was released'), cipher);
      for (const chunk of piecesOf(wire, 1)) opener.push(chunk);
      const after = process.memoryUsage();
      assert.ok(after.arrayBuffers - before.arrayBuffers < 8 * 1024 * 1024);
      opener.dispose();
    });

    it('make full-size frames from bulk data, and one frame from many small pieces', () => {
      const lengths = (wire: Buffer): number[] => {
        const list: number[] = [];
        for (let offset = 0; offset < wire.length; offset += 4 + wire.readUInt32BE(offset)) {
          list.push(4 + wire.readUInt32BE(offset));
        }
        return list;
      };
      assert.deepEqual(lengths(seal(Buffer.alloc(2 * framePlaintextBytes + 1))), [
        framePlaintextBytes + 32,
        framePlaintextBytes + 32,
        33,
      ]);
      assert.deepEqual(lengths(seal(...Array.from({ length: 100 }, () => Buffer.from('small')))), [532]);
      assert.deepEqual(lengths(seal()), []);
      assert.deepEqual(lengths(seal(Buffer.alloc(0))), []);
    });

    it('never use a nonce twice', () => {
      const headers = new HeaderPool();
      const seen = new Set<string>();
      for (let i = 0; i < 10_000; i += 1) seen.add(headers.next().subarray(4).toString('latin1'));
      assert.equal(seen.size, 10_000);
    });

    it('are unusable after dispose', () => {
      const sealer = new FrameSealer(key, new HeaderPool(), framePlaintextBytes, cipher);
      sealer.dispose();
      assert.throws(() => sealer.seal([Buffer.from('x')]));
      const delivered: Buffer[] = [];
      const opener = new FrameOpener(
        key,
        maxFrameBytes,
        (piece) => {
          delivered.push(piece);
          opener.dispose();
        },
        cipher,
      );
      opener.push(Buffer.concat([seal(Buffer.from('first')), seal(Buffer.from('second'))]));
      assert.deepEqual(delivered.map(String), ['first']);
    });

    it('report a broken frame with its cause', () => {
      const wire = seal(Buffer.from('x'));
      wire.writeUInt8(wire.readUInt8(wire.length - 1) ^ 1, wire.length - 1);
      const opener = new FrameOpener(key, maxFrameBytes, () => undefined, cipher);
      assert.throws(() => {
        opener.push(wire);
      }, portalError('frame_malformed'));
    });
  });
}
