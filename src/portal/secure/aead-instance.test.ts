import assert from 'node:assert/strict';
import { createCipheriv } from 'node:crypto';
import { describe, it } from 'node:test';
import { hex } from '../../../test/helpers/vectors.ts';
import { instantiateAead } from './aead-instance.ts';
import { aeadLayout } from './aead-layout.ts';

const aead = instantiateAead();
const memory = Buffer.from(aead.memory.buffer);
const counting = (first: number): string =>
  Buffer.from(Array.from({ length: 32 }, (_, index) => first + index)).toString('hex');
const jabberwocky = Buffer.from(
  "'Twas brillig, and the slithy toves\nDid gyre and gimble in the wabe:\nAll mimsy were the borogoves,\nAnd the mome raths outgrabe.",
);
const sunscreen = Buffer.from(
  "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
);

/** At most four blocks of text. */
function chacha20(key: Buffer, nonce: Buffer, counter: number, text: Buffer): Buffer {
  memory.fill(0);
  memory.set(key, aeadLayout.key);
  memory.set(nonce, aeadLayout.frame + 4);
  memory.set(text, 1024);
  aead.chacha20(counter, 1024, 4096);
  return Buffer.from(memory.subarray(4096, 4096 + text.length));
}

function poly1305(key: Buffer, data: Buffer): Buffer {
  memory.fill(0);
  memory.set(key, 64);
  memory.set(data, 1024);
  aead.poly1305(64, 1024, 1024 + data.length, 512);
  return Buffer.from(memory.subarray(512, 528));
}

const fromLittleEndian = (bytes: Uint8Array): bigint => BigInt('0x0' + Buffer.from(bytes).reverse().toString('hex'));

/** RFC 8439 §2.5.1 implemented literally, for data of any length. */
function naivePoly1305(key: Buffer, data: Buffer): Buffer {
  const r = fromLittleEndian(key.subarray(0, 16)) & 0x0ffffffc0ffffffc0ffffffc0fffffffn;
  const p = (1n << 130n) - 5n;
  let accumulator = 0n;
  for (let at = 0; at < data.length; at += 16) {
    const block = Buffer.concat([data.subarray(at, at + 16), Buffer.from([1])]);
    accumulator = ((accumulator + fromLittleEndian(block)) * r) % p;
  }
  const tag = (accumulator + fromLittleEndian(key.subarray(16))) & ((1n << 128n) - 1n);
  return Buffer.from(tag.toString(16).padStart(32, '0'), 'hex').reverse();
}

describe('ChaCha20 in WebAssembly', () => {
  const zeros = Buffer.alloc(64);
  const zeroKey = '00'.repeat(32);
  const zeroNonce = '00'.repeat(12);
  const vectors: readonly [
    name: string,
    key: string,
    nonce: string,
    counter: number,
    text: Buffer,
    expected: string,
  ][] = [
    [
      '2.3.2',
      counting(0),
      '000000090000004a00000000',
      1,
      zeros,
      '10f1e7e4d13b5915500fdd1fa32071c4c7d1f4c733c068030422aa9ac3d46c4ed2826446079faa0914c2d705d98b02a2b5129cd1de164eb9cbd083e8a2503c4e',
    ],
    [
      '2.4.2',
      counting(0),
      '000000000000004a00000000',
      1,
      sunscreen,
      '6e2e359a2568f98041ba0728dd0d6981e97e7aec1d4360c20a27afccfd9fae0bf91b65c5524733ab8f593dabcd62b3571639d624e65152ab8f530c359f0861d807ca0dbf500d6a6156a38e088a22b65e52bc514d16ccf806818ce91ab77937365af90bbf74a35be6b40b8eedf2785e42874d',
    ],
    [
      '2.6.2',
      counting(0x80),
      '000000000001020304050607',
      0,
      zeros.subarray(32),
      '8ad5a08b905f81cc815040274ab29471a833b637e3fd0da508dbb8e2fdd1a646',
    ],
    [
      'A.1 #1',
      zeroKey,
      zeroNonce,
      0,
      zeros,
      '76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586',
    ],
    [
      'A.1 #2',
      zeroKey,
      zeroNonce,
      1,
      zeros,
      '9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed29b721769ce64e43d57133b074d839d531ed1f28510afb45ace10a1f4b794d6f',
    ],
    [
      'A.1 #3',
      '00'.repeat(31) + '01',
      zeroNonce,
      1,
      zeros,
      '3aeb5224ecf849929b9d828db1ced4dd832025e8018b8160b82284f3c949aa5a8eca00bbb4a73bdad192b5c42f73f2fd4e273644c8b36125a64addeb006c13a0',
    ],
    [
      'A.1 #4',
      '00ff' + '00'.repeat(30),
      zeroNonce,
      2,
      zeros,
      '72d54dfbf12ec44b362692df94137f328fea8da73990265ec1bbbea1ae9af0ca13b25aa26cb4a648cb9b9d1be65b2c0924a66c54d545ec1b7374f4872e99f096',
    ],
    [
      'A.1 #5',
      zeroKey,
      '00'.repeat(11) + '02',
      0,
      zeros,
      'c2c64d378cd536374ae204b9ef933fcd1a8b2288b3dfa49672ab765b54ee27c78a970e0e955c14f3a88e741b97c286f75f8fc299e8148362fa198a39531bed6d',
    ],
    [
      'A.2 #3',
      '1c9240a5eb55d38af333888604f6b5f0473917c1402b80099dca5cbc207075c0',
      '00'.repeat(11) + '02',
      42,
      jabberwocky,
      '62e6347f95ed87a45ffae7426f27a1df5fb69110044c0d73118effa95b01e5cf166d3df2d721caf9b21e5fb14c616871fd84c54f9d65b283196c7fe4f60553ebf39c6402c42234e32a356b3e764312a61a5532055716ead6962568f87d3f3f7704c6a8d1bcd1bf4d50d6154b6da731b187b58dfd728afa36757a797ac188d1',
    ],
  ];
  for (const [name, key, nonce, counter, text, expected] of vectors) {
    it(`matches the vector of RFC 8439 ${name}`, () => {
      assert.equal(chacha20(hex(key), hex(nonce), counter, text).toString('hex'), expected);
    });
  }

  it('computes four consecutive blocks like node:crypto, in place or not', () => {
    const [key, nonce] = [hex(counting(7)), hex('0102030405060708090a0b0c')];
    for (const counter of [0, 3, 4, 1000, 2 ** 31]) {
      const counterBytes = Buffer.alloc(4);
      counterBytes.writeUInt32LE(counter);
      const expected = createCipheriv('chacha20', key, Buffer.concat([counterBytes, nonce])).update(
        Buffer.alloc(256, 9),
      );
      assert.ok(chacha20(key, nonce, counter, Buffer.alloc(256, 9)).equals(expected));
      memory.fill(9, 8192, 8192 + 256);
      aead.chacha20(counter, 8192, 8192);
      assert.ok(memory.subarray(8192, 8192 + 256).equals(expected));
    }
  });
});

describe('Poly1305 in WebAssembly', () => {
  const [one, two] = ['01' + '00'.repeat(15), '02' + '00'.repeat(15)];
  const zero = '00'.repeat(16);
  const ones = 'ff'.repeat(16);
  const sparse = '0100000000000000' + '0400000000000000';
  /**
   * The vectors of RFC 8439 §A.3 with whole blocks, which include all edge cases of the arithmetic
   * mod 2^130 - 5.
   */
  const vectors: readonly [name: string, r: string, s: string, data: string, tag: string][] = [
    ['#1', zero, zero, '00'.repeat(64), zero],
    ['#5', two, zero, ones, '03' + '00'.repeat(15)],
    ['#6', two, ones, two, '03' + '00'.repeat(15)],
    ['#7', one, zero, ones + 'f0' + 'ff'.repeat(15) + '11' + '00'.repeat(15), '05' + '00'.repeat(15)],
    ['#8', one, zero, ones + 'fb' + 'fe'.repeat(15) + '01'.repeat(16), zero],
    ['#9', two, zero, 'fd' + 'ff'.repeat(15), 'fa' + 'ff'.repeat(15)],
    [
      '#10',
      sparse,
      zero,
      'e33594d7505e43b900000000000000003394d7505e4379cd010000000000000000000000000000000000000000000000' + one,
      '14000000000000005500000000000000',
    ],
    [
      '#11',
      sparse,
      zero,
      'e33594d7505e43b900000000000000003394d7505e4379cd010000000000000000000000000000000000000000000000',
      '13' + '00'.repeat(15),
    ],
  ];
  for (const [name, r, s, data, tag] of vectors) {
    it(`matches the vector of RFC 8439 A.3 ${name}`, () => {
      assert.equal(poly1305(hex(r + s), hex(data)).toString('hex'), tag);
      assert.equal(naivePoly1305(hex(r + s), hex(data)).toString('hex'), tag);
    });
  }

  it('the oracle matches the vectors with a partial last block', () => {
    const key = hex('85d6be7857556d337f4452fe42d506a80103808afb0db2fd4abff6af4149f51b');
    const tag = naivePoly1305(key, Buffer.from('Cryptographic Forum Research Group'));
    assert.equal(tag.toString('hex'), 'a8061dc1305136c6c22b8baf0c0127a9');
    const key4 = hex('1c9240a5eb55d38af333888604f6b5f0473917c1402b80099dca5cbc207075c0');
    assert.equal(naivePoly1305(key4, jabberwocky).toString('hex'), '4541669a7eaaee61e708dc7cbcc5eb62');
  });

  it('agrees with the oracle on keys and blocks that carry through every limb', () => {
    const bytes = createCipheriv('chacha20', hex(counting(1)), Buffer.alloc(16));
    const random = (length: number): Buffer => bytes.update(Buffer.alloc(length));
    const halves = [
      () => Buffer.alloc(16, 0xff),
      () => Buffer.alloc(16),
      () => random(16),
      () => hex('fb' + 'ff'.repeat(15)),
    ];
    for (let round = 0; round < 4000; round += 1) {
      const pick = (): Buffer => (halves[random(1).readUInt8() % halves.length] ?? halves[0])?.() ?? Buffer.alloc(16);
      const key = Buffer.concat([pick(), pick()]);
      const data = Buffer.concat(Array.from({ length: round % 9 }, pick));
      assert.equal(poly1305(key, data).toString('hex'), naivePoly1305(key, data).toString('hex'));
    }
  });
});
