import assert from 'node:assert/strict';
import { createSecretKey, randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { portalError } from '../../../test/helpers/portal-error.ts';
import { FrameOpener } from './frame-opener.ts';
import { framePlaintextBytes, FrameSealer } from './frame-sealer.ts';
import { maxFrameBytes, overheadBytes, smallPlaintextBytes } from './frame-format.ts';
import { HeaderPool } from './header-pool.ts';
import { processSmallFrameCipher, type SmallFrameCipher } from './small-frame-cipher.ts';

const key = createSecretKey(randomBytes(32));
const webAssembly = processSmallFrameCipher ?? assert.fail('WebAssembly does not run here');

function seal(plaintext: readonly Buffer[], cipher: SmallFrameCipher | null = webAssembly): Uint8Array[] {
  return new FrameSealer(key, new HeaderPool(), framePlaintextBytes, cipher).seal(plaintext);
}

function opener(cipher: SmallFrameCipher | null = webAssembly): { pieces: Buffer[]; opener: FrameOpener } {
  const pieces: Buffer[] = [];
  return { pieces, opener: new FrameOpener(key, maxFrameBytes, (piece) => pieces.push(piece), cipher) };
}

describe('small frames', () => {
  it('are one buffer, whether from one piece or many', () => {
    for (const plaintext of [
      [Buffer.from('x')],
      [randomBytes(smallPlaintextBytes)],
      [randomBytes(10), randomBytes(700)],
    ]) {
      const frames = seal(plaintext);
      assert.equal(frames.length, 1);
      const bytes = Buffer.concat(plaintext).length;
      assert.equal(frames[0]?.length, bytes + overheadBytes + 4);
    }
  });

  it('are compatible between both ciphers on both sides of the size limit', () => {
    for (let bytes = smallPlaintextBytes - 2; bytes <= smallPlaintextBytes + 2; bytes += 1) {
      for (const sealing of [webAssembly, null]) {
        for (const opening of [webAssembly, null]) {
          const plaintext = randomBytes(bytes);
          const { pieces, opener: receiver } = opener(opening);
          receiver.push(Buffer.concat(seal([plaintext], sealing)));
          assert.ok(Buffer.concat(pieces).equals(plaintext));
        }
      }
    }
  });

  it('open wherever the stream is split, each as one piece', () => {
    const texts = ['first', 'the second, which is a little longer', ''.padEnd(300, 'third ')];
    const wire = Buffer.concat(texts.flatMap((text) => seal([Buffer.from(text)])));
    for (let first = 0; first <= wire.length; first += 1) {
      for (const second of [first + 1, first + 16, first + 40, wire.length]) {
        const { pieces, opener: receiver } = opener();
        const cuts = [wire.subarray(0, first), wire.subarray(first, second), wire.subarray(second)];
        for (const cut of cuts) {
          // The buffer is overwritten right after the push.
          const lent = Buffer.from(cut);
          receiver.push(lent);
          lent.fill(0xaa);
        }
        assert.deepEqual(pieces.map(String), texts);
        assert.ok(receiver.atBoundary);
      }
    }
  });

  it('are not at a boundary after a part of one has arrived', () => {
    const wire = Buffer.concat(seal([Buffer.from('hello')]));
    for (let bytes = 1; bytes < wire.length; bytes += 1) {
      const { pieces, opener: receiver } = opener();
      receiver.push(wire.subarray(0, bytes));
      assert.equal(receiver.atBoundary, false);
      assert.equal(pieces.length, 0);
    }
  });

  it('may be empty, which delivers nothing', () => {
    const header = new HeaderPool().next();
    header.writeUInt32BE(overheadBytes);
    const frame = webAssembly.seal(key.export(), header, [], 0);
    const { pieces, opener: receiver } = opener();
    receiver.push(frame);
    assert.deepEqual([pieces.length, receiver.atBoundary], [0, true]);
  });

  it('before a forged one are delivered, and nothing of the forged one', () => {
    const [good, forged] = [Buffer.concat(seal([Buffer.from('good')])), Buffer.concat(seal([Buffer.from('forged')]))];
    forged.writeUInt8(forged.readUInt8(forged.length - 1) ^ 0x80, forged.length - 1);
    const { pieces, opener: receiver } = opener();
    assert.throws(() => {
      receiver.push(Buffer.concat([good, forged, good]));
    }, portalError('frame_malformed'));
    assert.deepEqual(pieces.map(String), ['good']);
  });

  it('open and seal while another one is delivered', () => {
    const echoes: Buffer[] = [];
    const sealer = new FrameSealer(key, new HeaderPool());
    const inner = opener();
    const outer = new FrameOpener(key, maxFrameBytes, (piece) => {
      const echo = Buffer.concat(sealer.seal([piece]));
      echoes.push(echo);
      inner.opener.push(echo);
      assert.equal(String(piece), 'ping');
    });
    outer.push(Buffer.concat([...seal([Buffer.from('ping')]), ...seal([Buffer.from('ping')])]));
    assert.deepEqual(inner.pieces.map(String), ['ping', 'ping']);
  });

  it('leave no bytes of the key after dispose()', () => {
    const exported: Buffer[] = [];
    // The exported key bytes are the only copy that a sealer or opener holds.
    const watched = Object.create(key, {
      export: {
        value: () => {
          const bytes = key.export();
          exported.push(bytes);
          return bytes;
        },
      },
    }) as typeof key;
    const sealer = new FrameSealer(watched, new HeaderPool());
    const receiver = new FrameOpener(watched, maxFrameBytes, () => undefined);
    receiver.push(Buffer.concat(sealer.seal([Buffer.from('x')])));
    assert.equal(exported.length, 2);
    sealer.dispose();
    receiver.dispose();
    sealer.dispose();
    for (const bytes of exported) assert.ok(bytes.equals(Buffer.alloc(32)));
    receiver.push(Buffer.concat(seal([Buffer.from('late')])));
  });
});
