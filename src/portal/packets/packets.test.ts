import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { portalError } from '../../../test/helpers/portal-error.ts';
import { hex, readVectors } from '../../../test/helpers/vectors.ts';
import type { PortalErrorCode } from '../errors.ts';
import { credentialFromSeed, verify } from '../identity.ts';
import { maxMessageBytes, prefixLength } from './length-prefix.ts';
import { MessageReader } from './message-reader.ts';
import { decodePacket, encodePacket, type Packet, ResponseCode, signLeaseDelete, signLeaseUpdate } from './packets.ts';
import { decodeInit, decodeSigned, encodeInit, encodeSigned } from './signed-payload.ts';

interface PacketVectors {
  roundTrip: PacketVector[];
  messages: { name: string; message: string; fields: Record<string, unknown>; hex: string }[];
  lenient: (PacketVector & { standardDecoder: 'accept' | 'error' })[];
  malformed: { name: string; wireHex: string; stage: 'stream' | 'length' | 'packet' | 'payload' }[];
}
interface PacketVector {
  name: string;
  type: number;
  fields: Record<string, unknown>;
  wireHex: string;
  signerSeedHex?: string;
}

const vectors = readVectors('packets') as PacketVectors;

const types: readonly Packet['type'][] = [
  'relayInfoRequest',
  'relayInfoResponse',
  'leaseUpdateRequest',
  'leaseUpdateResponse',
  'leaseDeleteRequest',
  'leaseDeleteResponse',
  'connectionRequest',
  'connectionResponse',
];

/**
 * Converts our fields to the notation of the vectors: bytes for hex, bigint for 64 bits, undefined
 * for absent.
 */
function fieldsOf(value: unknown, key = ''): unknown {
  if (Array.isArray(value)) return value.map((item) => fieldsOf(item));
  if (value === null) return undefined;
  if (typeof value === 'object') {
    return Object.fromEntries(
      Object.entries(value as Record<string, unknown>)
        .filter(([name]) => name !== 'signatureValid')
        .map(([name, child]) => [name.replace(/Hex$/, ''), fieldsOf(child, name)]),
    );
  }
  if (key.endsWith('Hex')) return new Uint8Array(hex(value as string));
  return key === 'expires' || key === 'timestamp' ? BigInt(value as string) : value;
}

function packetOf(vector: PacketVector): Packet {
  return { type: types[vector.type], ...(fieldsOf(vector.fields) as object) } as Packet;
}

function readOne(wireHex: string): Packet {
  const reader = new MessageReader(maxMessageBytes);
  reader.push(hex(wireHex));
  const message = reader.next();
  assert.ok(message !== undefined, 'no complete message');
  return decodePacket(message);
}

describe('packets from the Go encoder', () => {
  for (const vector of vectors.roundTrip) {
    it(vector.name, () => {
      const packet = packetOf(vector);
      assert.deepEqual(readOne(vector.wireHex), packet);
      assert.equal(encodePacket(packet).toString('hex'), vector.wireHex);
      if (packet.type !== 'leaseUpdateRequest' && packet.type !== 'leaseDeleteRequest') return;

      const { signatureValid } = vector.fields as { signatureValid: boolean };
      const claimed = packet.type === 'leaseUpdateRequest' ? packet.request.lease?.identity : packet.request.identity;
      assert.equal(
        claimed !== undefined && verify(claimed, packet.signed.data, packet.signed.signature),
        signatureValid,
      );
      if (vector.signerSeedHex === undefined) return;
      const signer = credentialFromSeed(hex(vector.signerSeedHex));
      const sign = (data: Uint8Array): Buffer => signer.sign(data);
      const signed =
        packet.type === 'leaseUpdateRequest'
          ? signLeaseUpdate(packet.request, sign)
          : signLeaseDelete(packet.request, sign);
      assert.equal(encodePacket(signed).toString('hex'), vector.wireHex);
    });
  }
});

describe('messages without a packet', () => {
  for (const { name, message, fields, hex: messageHex } of vectors.messages) {
    it(name, () => {
      const plain = fieldsOf(fields);
      switch (message) {
        case 'ClientInitPayload':
        case 'ServerInitPayload':
          assert.deepEqual(decodeInit(hex(messageHex)), plain);
          assert.equal(Buffer.from(encodeInit(plain as never)).toString('hex'), messageHex);
          return;
        case 'SignedPayload':
          assert.deepEqual(decodeSigned(hex(messageHex)), plain);
          assert.equal(Buffer.from(encodeSigned(plain as never)).toString('hex'), messageHex);
          return;
        case 'Identity': {
          // Has no codec of its own, so it is encoded in a connection request.
          const packet = { type: 'connectionRequest', leaseId: '', clientIdentity: plain } as Packet;
          const encoded = encodePacket(packet);
          assert.ok(encoded.toString('hex').endsWith(messageHex));
          assert.deepEqual(decodePacket(encoded.subarray(4)), packet);
          return;
        }
        default:
          assert.fail(`no codec for ${message}`);
      }
    });
  }
});

/**
 * Bytes that no encoder writes but Go accepts. We accept them too, including invalid UTF-8: a
 * relay's lease list is one message, and one app's invalid name must not hide the others.
 */
const refusedThoughLenient: Readonly<Record<string, PortalErrorCode>> = {
  // The Go decoder accepts them and a Go relay then ends the stream; they have no other use here
  // either.
  'unknown packet type 8': 'packet_unexpected',
  'unknown packet type 1000': 'packet_unexpected',
};

describe('packets in valid encodings that the encoder does not produce', () => {
  for (const vector of vectors.lenient) {
    const code = refusedThoughLenient[vector.name];
    it(`${code === undefined ? 'accepts' : `rejects (${code})`}: ${vector.name}`, () => {
      if (code === undefined) assert.deepEqual(readOne(vector.wireHex), packetOf(vector));
      else assert.throws(() => readOne(vector.wireHex), portalError(code));
    });
  }
});

describe('malformed packets', () => {
  for (const { name, wireHex, stage } of vectors.malformed) {
    it(`rejects: ${name}`, () => {
      const reader = new MessageReader(maxMessageBytes);
      reader.push(hex(wireHex));
      switch (stage) {
        case 'stream':
          // No message. The rest tells an end between two messages from an end within one.
          assert.equal(reader.next(), undefined);
          assert.equal(reader.rest().toString('hex'), wireHex);
          return;
        case 'length':
          assert.throws(() => reader.next(), portalError('packet_too_large'));
          return;
        case 'packet':
        case 'payload': {
          // Includes a known field with the wrong wire type, which an ordinary decoder would skip.
          const message = reader.next();
          assert.ok(message !== undefined);
          assert.throws(() => decodePacket(message), portalError('packet_malformed'));
        }
      }
    });
  }

  it('rejects a nested message that exceeds the enclosing one', () => {
    // Packet{type 6, payload{lease_id of 5 bytes in a payload of 3}} followed by bytes that would
    // satisfy the length.
    const packet = hex('0806' + '1203' + '0a0541' + '1a024142');
    assert.throws(() => decodePacket(packet), portalError('packet_malformed'));
    // Nested messages: identity (in client_identity) declares 6 bytes of id but contains only 4.
    const nested = hex('0806' + '120c' + '1204' + '0a064142' + '0a0443444546');
    assert.throws(() => decodePacket(nested), portalError('packet_malformed'));
  });

  it('rejects endlessly nested groups at once', () => {
    const groups = Buffer.alloc(1 << 20, 0x1b);
    assert.throws(() => decodePacket(groups), portalError('packet_malformed'));
  });

  it('rejects a group closed by another field number', () => {
    assert.throws(() => decodePacket(hex('1b24')), portalError('packet_malformed'));
  });
});

describe('a decoded packet', () => {
  it('shares no memory with the received bytes', () => {
    const publicKey = Buffer.alloc(32, 7);
    const wire = encodePacket({ type: 'connectionRequest', leaseId: 'L', clientIdentity: { id: 'I', publicKey } });
    const packet = decodePacket(wire.subarray(4));
    wire.fill(0xff);
    assert.equal(packet.type, 'connectionRequest');
    assert.deepEqual(packet.clientIdentity?.publicKey, new Uint8Array(publicKey));
    assert.equal(packet.clientIdentity.publicKey.buffer.byteLength, 32);
  });

  it('keeps a response code of any value', () => {
    for (const code of [ResponseCode.REJECTED, 99, -1, 2 ** 31 - 1, -(2 ** 31)]) {
      const wire = encodePacket({ type: 'connectionResponse', code });
      assert.deepEqual(decodePacket(wire.subarray(4)), { type: 'connectionResponse', code });
    }
  });

  it('decodes a list of the size that real relays send', () => {
    const lease = {
      identity: { id: 'A'.repeat(26), publicKey: new Uint8Array(32) },
      expires: 1n,
      name: 'app',
      alpn: ['http/1.1'],
      metadata: JSON.stringify({ thumbnail: 'x'.repeat(135 * 1024) }),
    };
    const packet: Packet = {
      type: 'relayInfoResponse',
      relayInfo: { identity: undefined, address: [], leases: Array.from({ length: 50 }, () => lease) },
    };
    assert.deepEqual(decodePacket(encodePacket(packet).subarray(4)), packet);
  });
});

it('prefixes a message with its length', () => {
  assert.equal(prefixLength(hex('0102')).toString('hex'), '000000020102');
  assert.equal(prefixLength(hex('')).toString('hex'), '00000000');
});
