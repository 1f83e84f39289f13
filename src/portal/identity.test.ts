import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import { portalError } from '../../test/helpers/portal-error.ts';
import { hex, readVectors } from '../../test/helpers/vectors.ts';
import {
  createCredential,
  credentialFromPem,
  credentialFromSeed,
  isLeaseId,
  leaseIdOf,
  validateIdentity,
  verify,
} from './identity.ts';

interface IdentityVectors {
  credentials: {
    name: string;
    privateSeedHex: string;
    publicKeyHex: string;
    id: string;
    messageHex: string;
    signatureHex: string;
  }[];
  identities: { name: string; identity: { id: string; publicKeyHex: string } | null; valid: boolean }[];
  signatures: { name: string; publicKeyHex: string; messageHex: string; signatureHex: string; valid: boolean }[];
}

const vectors = readVectors('identity') as IdentityVectors;

describe('credentials from the Go implementation', () => {
  for (const { name, privateSeedHex, publicKeyHex, id, messageHex, signatureHex } of vectors.credentials) {
    it(name, () => {
      const credential = credentialFromSeed(hex(privateSeedHex));
      assert.equal(Buffer.from(credential.publicKey).toString('hex'), publicKeyHex);
      assert.equal(credential.id, id);
      assert.equal(leaseIdOf(hex(publicKeyHex)), id);
      assert.equal(credential.sign(hex(messageHex)).toString('hex'), signatureHex);
      assert.ok(isLeaseId(id));
      assert.ok(verify(credential, hex(messageHex), hex(signatureHex)));
    });
  }
});

describe('identities judged by the Go implementation', () => {
  for (const { name, identity, valid } of vectors.identities) {
    it(`${valid ? 'accepts' : 'rejects'}: ${name}`, () => {
      // An identity missing on the wire is undefined here, and the type does not allow passing it.
      const judged = identity ?? { id: '', publicKeyHex: '' };
      const validate = (): void => {
        validateIdentity({ id: judged.id, publicKey: hex(judged.publicKeyHex) });
      };
      if (valid) validate();
      else assert.throws(validate, portalError('identity_invalid'));
    });
  }
});

/** Keys that Go accepts and we reject. */
const stricter: Readonly<Record<string, string>> = {
  'small-order public key (neutral element), R neutral, S zero':
    'anybody can sign for such a key, so it proves nothing; and OpenSSL takes it or not by its version',
};

describe('signatures judged by the Go implementation', () => {
  for (const { name, publicKeyHex, messageHex, signatureHex, valid } of vectors.signatures) {
    const reason = stricter[name];
    const verdict = valid && reason === undefined;
    it(`${verdict ? 'accepts' : 'rejects'}: ${name}${reason === undefined ? '' : `: ${reason}`}`, () => {
      const publicKey = hex(publicKeyHex);
      assert.equal(verify({ id: leaseIdOf(publicKey), publicKey }, hex(messageHex), hex(signatureHex)), verdict);
    });
  }

  it('finds every name of the stricter cases in the vectors', () => {
    for (const name of Object.keys(stricter)) assert.ok(vectors.signatures.some((vector) => vector.name === name));
  });

  it('rejects a key of small order with its sign bit set', () => {
    const publicKey = Buffer.alloc(32);
    publicKey[0] = 1;
    publicKey[31] = 0x80;
    const signature = Buffer.alloc(64);
    signature[0] = 1;
    assert.equal(verify({ id: leaseIdOf(publicKey), publicKey }, Buffer.from('anything'), signature), false);
  });
});

describe('a credential', () => {
  const secretHex = '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60';

  it('is different every time', () => {
    const credential = createCredential();
    validateIdentity(credential);
    assert.notEqual(credential.id, createCredential().id);
    const data = Buffer.from('signed');
    assert.ok(verify(credential, data, credential.sign(data)));
  });

  it('shows nothing of its private key when logged or serialised', () => {
    const credential = credentialFromSeed(hex(secretHex));
    const shown = [
      inspect(credential, { depth: 10, showHidden: true }),
      JSON.stringify(credential),
      JSON.stringify(Object.getOwnPropertyDescriptors(credential)),
    ].join('\n');
    assert.ok(!shown.includes(secretHex) && !shown.includes(hex(secretHex).toString('base64')));
    assert.ok(!shown.includes(hex(secretHex).toString('latin1')) && !shown.includes('PRIVATE'));
    assert.ok(shown.includes(credential.id));
  });

  it('survives a round trip through PEM', () => {
    const credential = createCredential();
    assert.equal(credentialFromPem(credential.exportPem()).id, credential.id);
  });

  it('cannot be created from a seed of another length', () => {
    for (const length of [0, 31, 33, 64]) {
      assert.throws(() => credentialFromSeed(Buffer.alloc(length)), portalError('identity_invalid'));
    }
  });

  it('keeps no reference to the seed, so the caller may zero it', () => {
    const seed = hex(secretHex);
    const credential = credentialFromSeed(seed);
    seed.fill(0);
    assert.ok(verify(credential, Buffer.from('x'), credential.sign(Buffer.from('x'))));
  });

  it('cannot be created from another type of key or from invalid data', () => {
    const { privateKey, publicKey } = generateKeyPairSync('x25519');
    const others = [
      privateKey.export({ format: 'pem', type: 'pkcs8' }),
      publicKey.export({ format: 'pem', type: 'spki' }),
      'no key',
      '',
    ];
    for (const pem of others) assert.throws(() => credentialFromPem(pem), portalError('identity_invalid'));
  });
});

describe('the format of a lease id', () => {
  for (const text of [
    '',
    'QRE4ZP6DKYWLWH2A3ET5PHTED',
    'QRE4ZP6DKYWLWH2A3ET5PHTEDQA',
    'qre4zp6dkywlwh2a3et5phtedq',
    'QRE4ZP6DKYWLWH2A3ET5PHTED0',
    'QRE4ZP6DKYWLWH2A3ET5PHTEDQ\n',
  ]) {
    it(`rejects ${JSON.stringify(text)}`, () => {
      assert.equal(isLeaseId(text), false);
    });
  }
});
