import assert from 'node:assert/strict';
import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto';
import { describe, it } from 'node:test';
import { type AeadInstance, instantiateAead } from './aead-instance.ts';
import { aeadLayout } from './aead-layout.ts';
import { cipherName, cipherOptions, headerBytes, smallPlaintextBytes, tagBytes } from './frame-format.ts';
import { createSmallFrameCipher, SmallFrameCipher } from './small-frame-cipher.ts';

/** 1 MiB that is the same in every run: the keystream of a fixed key. */
const seeded = createCipheriv('chacha20', Buffer.alloc(32, 7), Buffer.alloc(16)).update(Buffer.alloc(2 ** 20));
let seededOffset = 0;
function random(bytes: number): Buffer {
  seededOffset = (seededOffset + 7919) % (seeded.length - bytes);
  return Buffer.from(seeded.subarray(seededOffset, seededOffset + bytes));
}

function sealByNode(key: KeyObject, header: Buffer, plaintext: Buffer): Buffer {
  const cipher = createCipheriv(cipherName, key, header.subarray(4), cipherOptions);
  return Buffer.concat([header, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

function openByNode(key: KeyObject, frame: Buffer): Buffer {
  const decipher = createDecipheriv(cipherName, key, frame.subarray(4, headerBytes), cipherOptions);
  decipher.setAuthTag(frame.subarray(-tagBytes));
  return Buffer.concat([decipher.update(frame.subarray(headerBytes, -tagBytes)), decipher.final()]);
}

function newCipher(): { cipher: SmallFrameCipher; memory: Buffer } {
  const instance: AeadInstance = instantiateAead();
  return { cipher: new SmallFrameCipher(instance), memory: Buffer.from(instance.memory.buffer) };
}

const zeros = Buffer.alloc(2 ** 16);
const isZero = (bytes: Buffer): boolean => bytes.equals(zeros.subarray(0, bytes.length));
const { cipher } = newCipher();

describe('SmallFrameCipher', () => {
  it('seals and opens the same frames as node:crypto, 100,000 times over all lengths', () => {
    let keyBytes = random(32);
    let key = createSecretKey(keyBytes);
    for (let round = 0; round < 100_000; round += 1) {
      if (round % 1000 === 0) {
        keyBytes = random(32);
        key = createSecretKey(keyBytes);
      }
      const plaintext = random(round % (smallPlaintextBytes + 1));
      const header = random(headerBytes);
      const frame = cipher.seal(keyBytes, header, [plaintext], plaintext.length);
      if (!frame.equals(sealByNode(key, header, plaintext)))
        assert.fail(`${plaintext.length} bytes are sealed wrongly`);
      const opened = cipher.open(keyBytes, frame, 0, frame.length);
      if (opened?.equals(plaintext) !== true) assert.fail(`${plaintext.length} bytes do not open`);
    }
  });

  it('accepts as much as its memory holds, and no more', () => {
    const { capacityBytes } = aeadLayout;
    const keyBytes = random(32);
    const key = createSecretKey(keyBytes);
    for (let bytes = capacityBytes - 300; bytes <= capacityBytes; bytes += 1) {
      const plaintext = random(bytes);
      const frame = cipher.seal(keyBytes, random(headerBytes), [plaintext], bytes);
      assert.ok(openByNode(key, frame).equals(plaintext));
      assert.ok(cipher.open(keyBytes, frame, 0, frame.length)?.equals(plaintext));
    }
    const tooLong = Buffer.alloc(capacityBytes + 1);
    assert.throws(() => cipher.seal(keyBytes, random(headerBytes), [tooLong], tooLong.length), RangeError);
    assert.throws(() => cipher.open(keyBytes, Buffer.alloc(tooLong.length + 32), 0, tooLong.length + 32), RangeError);
    assert.throws(() => cipher.open(keyBytes, Buffer.alloc(31), 0, 31), RangeError);
  });

  it('joins pieces, and opens a frame in the middle of a chunk', () => {
    const [keyBytes, header, plaintext] = [random(32), random(headerBytes), random(1000)];
    const pieces = [0, 1, 17, 300, 301, 900].map((start, index, starts) =>
      plaintext.subarray(start, starts[index + 1]),
    );
    const frame = cipher.seal(keyBytes, header, pieces, plaintext.length);
    assert.ok(frame.equals(sealByNode(createSecretKey(keyBytes), header, plaintext)));
    const chunk = Buffer.concat([random(13), frame, random(5)]);
    assert.ok(cipher.open(keyBytes, chunk, 13, 13 + frame.length)?.equals(plaintext));
  });

  it('rejects every flipped bit after the length, and leaves no plaintext', () => {
    for (const bytes of [0, 1, 15, 16, 100, 192, 193, 460]) {
      const { cipher: fresh, memory } = newCipher();
      const [keyBytes, plaintext] = [random(32), random(bytes)];
      const frame = fresh.seal(keyBytes, random(headerBytes), [plaintext], bytes);
      for (let bit = 32; bit < frame.length * 8; bit += 1) {
        frame.writeUInt8(frame.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
        assert.equal(fresh.open(keyBytes, frame, 0, frame.length), undefined, `bit ${bit} of ${bytes} bytes`);
        assert.ok(isZero(memory.subarray(aeadLayout.plaintext - 64)), 'plaintext or keystream is left');
        frame.writeUInt8(frame.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      }
      assert.ok(fresh.open(keyBytes, frame, 0, frame.length)?.equals(plaintext));
    }
  });

  it('leaves neither key, keystream nor plaintext in its memory, only bytes from the wire', () => {
    const { cipher: fresh, memory } = newCipher();
    for (let round = 0; round < 1500; round += 1) {
      const plaintext = random((round * 389) % (smallPlaintextBytes + 1));
      const keyBytes = random(32);
      memory.fill(0);
      const frame = fresh.seal(keyBytes, random(headerBytes), [plaintext], plaintext.length);
      const end = aeadLayout.frame + frame.length;
      assert.ok(isZero(memory.subarray(0, aeadLayout.frame)));
      assert.ok(memory.subarray(aeadLayout.frame, end).equals(frame));
      assert.ok(isZero(memory.subarray(end)));

      memory.fill(0);
      fresh.open(keyBytes, frame, 0, frame.length);
      assert.ok(isZero(memory.subarray(0, aeadLayout.frame)));
      const ciphertextEnd = end - tagBytes;
      assert.ok(memory.subarray(aeadLayout.frame, ciphertextEnd).equals(frame.subarray(0, -tagBytes)));
      // Only the block of lengths follows.
      const lengths = aeadLayout.data + Math.ceil(plaintext.length / 16) * 16;
      assert.equal(memory.readUInt32LE(lengths + 8), plaintext.length);
      assert.ok(isZero(memory.subarray(ciphertextEnd, lengths + 8)));
      assert.ok(isZero(memory.subarray(lengths + 12)));
    }
  });

  it('leaves nothing secret after frames of mixed lengths either', () => {
    const { cipher: fresh, memory } = newCipher();
    for (let round = 0; round < 500; round += 1) {
      const [keyBytes, plaintext] = [random(32), random(16 + ((round * 1409) % smallPlaintextBytes))];
      const frame = fresh.seal(keyBytes, random(headerBytes), [plaintext], plaintext.length);
      if (round % 2 === 0) fresh.open(keyBytes, frame, 0, frame.length);
      const header = frame.subarray(4, headerBytes);
      const keystream = createCipheriv('chacha20', keyBytes, Buffer.concat([Buffer.alloc(4), header])).update(
        Buffer.alloc(smallPlaintextBytes + 512),
      );
      for (const secret of [keyBytes, plaintext, keystream]) {
        for (let at = 0; at + 8 <= secret.length; at += 8) assert.ok(!memory.includes(secret.subarray(at, at + 8)));
      }
    }
  });

  it('allocates separate memory for each result', () => {
    const keyBytes = random(32);
    const results: { frame: Buffer; plaintext: Buffer; opened: Buffer | undefined }[] = [];
    for (let round = 0; round < 200; round += 1) {
      const plaintext = random((round * 97) % smallPlaintextBytes);
      const frame = cipher.seal(keyBytes, random(headerBytes), [plaintext], plaintext.length);
      results.push({ frame, plaintext, opened: cipher.open(keyBytes, frame, 0, frame.length) });
    }
    for (const { frame, plaintext, opened } of results) {
      assert.ok(opened?.equals(plaintext));
      assert.ok(openByNode(createSecretKey(keyBytes), frame).equals(plaintext));
    }
  });

  it('keeps at most 16 KiB alive per result', () => {
    const frame = cipher.seal(random(32), random(headerBytes), [random(10)], 10);
    assert.ok(frame.buffer.byteLength <= 16_384);
  });

  it('is unavailable without WebAssembly', () => {
    const missing = (): never => {
      throw new ReferenceError('WebAssembly is not defined');
    };
    assert.equal(createSmallFrameCipher(missing), null);
    assert.ok(createSmallFrameCipher() instanceof SmallFrameCipher);
  });
});
