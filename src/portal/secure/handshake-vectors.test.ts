import assert from 'node:assert/strict';
import type { KeyObject } from 'node:crypto';
import { describe, it } from 'node:test';
import { portalError } from '../../../test/helpers/portal-error.ts';
import { hex, readVectors } from '../../../test/helpers/vectors.ts';
import { PortalError, type PortalErrorCode } from '../errors.ts';
import { createCredential, credentialFromSeed } from '../identity.ts';
import { MessageReader } from '../packets/message-reader.ts';
import { decodeInit, decodeSigned } from '../packets/signed-payload.ts';
import { FrameOpener } from './frame-opener.ts';
import { FrameSealer } from './frame-sealer.ts';
import { maxFrameBytes } from './frame-format.ts';
import { respondToHandshake, type HandshakeResult, startClientHandshake } from './handshake.ts';
import { sessionKeyFromBytes } from './key-schedule.ts';

interface Peer {
  seedHex: string;
  id: string;
  x25519PrivateHex: string;
  nonceHex: string;
}
interface HandshakeVectors {
  transcripts: {
    name: string;
    now: string;
    alpn: string;
    offeredAlpn: string[];
    client: Peer & { initWireHex: string };
    server: Peer & { initWireHex: string };
    initWriteSizes: number[];
    clientToServerKeyHex: string;
    serverToClientKeyHex: string;
    frames: { from: 'client' | 'server'; nonceHex: string; plaintextHex: string; frameHex: string }[];
  }[];
  validation: {
    name: string;
    validator: 'client' | 'server';
    now: string;
    requestedAlpn?: string;
    offeredAlpn?: string[];
    local: Peer;
    wireHex: string;
    result: string;
    clientInitWireHex?: string;
    answerWireHex?: string;
    remoteId?: string;
    clientToServerKeyHex?: string;
    serverToClientKeyHex?: string;
    nextRead?: string;
  }[];
  requestConnection: {
    name: string;
    dialledLeaseId: string;
    serverId?: string;
    requestedAlpn: string;
    offeredAlpn?: string[];
    result: string;
  }[];
}

const vectors = readVectors('handshake') as HandshakeVectors;

/**
 * One side of a recorded handshake, with the clock, random source and session key of the recording.
 */
function recorded(peer: Peer, now: string) {
  return {
    credential: credentialFromSeed(hex(peer.seedHex)),
    now: () => Number(now) * 1000,
    random: () => hex(peer.nonceHex),
    sessionKey: () => sessionKeyFromBytes(hex(peer.x25519PrivateHex)),
  };
}

function keyHex(key: KeyObject): string {
  return key.export().toString('hex');
}

/** Reads the received bytes as a stream; returns the message and the bytes after it. */
function receive(wire: Buffer): { message: Buffer | undefined; rest: Buffer } {
  const reader = new MessageReader(64 * 1024);
  reader.push(wire);
  const message = reader.next();
  return { message, rest: reader.rest() };
}

describe('handshakes recorded with Go peers', () => {
  for (const transcript of vectors.transcripts) {
    it(transcript.name, () => {
      const { client, server, now, alpn } = transcript;
      const handshake = startClientHandshake({ ...recorded(client, now), alpn });
      assert.equal(handshake.message.toString('hex'), client.initWireHex);

      const response = respondToHandshake(
        { ...recorded(server, now), alpns: transcript.offeredAlpn },
        handshake.message.subarray(4),
      );
      assert.equal(response.message.toString('hex'), server.initWireHex);
      const atClient = handshake.finish(response.message.subarray(4), server.id);
      const atServer = response.result;

      assert.deepEqual([atClient.peerId, atServer.peerId], [server.id, client.id]);
      assert.deepEqual([atClient.alpn, atServer.alpn], [alpn, alpn]);
      for (const key of [atClient.sendKey, atServer.receiveKey])
        assert.equal(keyHex(key), transcript.clientToServerKeyHex);
      for (const key of [atClient.receiveKey, atServer.sendKey])
        assert.equal(keyHex(key), transcript.serverToClientKeyHex);

      for (const frame of transcript.frames) {
        const [sender, receiver] = frame.from === 'client' ? [atClient, atServer] : [atServer, atClient];
        const header = Buffer.concat([Buffer.alloc(4), hex(frame.nonceHex)]);
        const sealed = new FrameSealer(sender.sendKey, { next: () => header }).seal([hex(frame.plaintextHex)]);
        assert.equal(Buffer.concat(sealed).toString('hex'), frame.frameHex);
        assert.equal(open(receiver.receiveKey, hex(frame.frameHex)), frame.plaintextHex);
      }
    });
  }
});

function open(key: KeyObject, stream: Buffer): string {
  const plaintext: Buffer[] = [];
  new FrameOpener(key, maxFrameBytes, (piece) => plaintext.push(piece)).push(stream);
  return Buffer.concat(plaintext).toString('hex');
}

/** Maps the Go error of each check to ours. */
const codes: Readonly<Record<string, PortalErrorCode>> = {
  ErrInvalidProtocol: 'handshake_version',
  ErrInvalidTimestamp: 'clock_skew',
  ErrInvalidIdentity: 'handshake_identity',
  ErrInvalidSignature: 'handshake_signature',
  ErrSessionKeyDerive: 'handshake_session_key',
};

/**
 * Go's ErrHandshakeFailed corresponds to three errors of ours: an alpn that is not offered, bytes
 * that cannot be decoded, and a stream that ends.
 */
function codeOfHandshakeFailed(name: string): PortalErrorCode | 'no message' {
  if (name.startsWith('alpn')) return 'handshake_alpn';
  if (name.startsWith('length over') || name.startsWith('length 0x')) return 'packet_too_large';
  if (name.startsWith('length exactly 2^26')) return 'packet_too_large';
  return name.startsWith('stream ends') ? 'no message' : 'handshake_malformed';
}

/** Messages that Go accepts and we reject, with the reason. */
const stricter: Readonly<Record<string, { code: PortalErrorCode; reason: string }>> = {
  'nonce: missing': { code: 'handshake_nonce', reason: 'the keys would not be fresh by the doing of both sides' },
  'nonce: 11 bytes': { code: 'handshake_nonce', reason: 'the protocol says 12' },
  'nonce: 13 bytes': { code: 'handshake_nonce', reason: 'two nonces of other lengths can give the same salt' },
  'nonce: 64 bytes': { code: 'handshake_nonce', reason: 'the protocol says 12' },
  'alpn: server answers another than asked': {
    code: 'handshake_alpn',
    reason: 'the two sides would speak different protocols',
  },
  'alpn: server answers none': { code: 'handshake_alpn', reason: 'the app did not agree to what was asked' },
};

describe('handshake messages judged by Go peers', () => {
  for (const vector of vectors.validation) {
    const reason = stricter[vector.name]?.reason;
    it(`${vector.validator}: ${vector.name}${reason === undefined ? '' : `: rejected, ${reason}`}`, () => {
      const { message, rest, run } = validation(vector);
      const expected = expectedVerdict(vector.name, vector.result);
      if (expected === 'accept') {
        assert.ok(message !== undefined);
        const { result, answer: response } = run(message);
        const { sendKey, receiveKey, peerId } = result;
        const [toServer, toClient] = vector.validator === 'client' ? [sendKey, receiveKey] : [receiveKey, sendKey];
        assert.equal(peerId, vector.remoteId);
        assert.equal(keyHex(toServer), vector.clientToServerKeyHex);
        assert.equal(keyHex(toClient), vector.serverToClientKeyHex);
        assert.equal(response?.toString('hex'), vector.answerWireHex);
        const opener = new FrameOpener(receiveKey, maxFrameBytes, () => assert.fail('no frame is expected'));
        if (vector.nextRead === 'EOF') assert.equal(rest.length, 0);
        else
          assert.throws(() => {
            opener.push(rest);
          }, portalError('frame_malformed'));
      } else if (expected === 'no message') {
        assert.equal(message, undefined);
      } else {
        assert.throws(() => run(message), portalError(expected));
      }
    });
  }

  it('finds every name of the stricter cases in the vectors', () => {
    for (const name of Object.keys(stricter)) assert.ok(vectors.validation.some((vector) => vector.name === name));
  });
});

function expectedVerdict(name: string, result: string): PortalErrorCode | 'accept' | 'no message' {
  const strict = stricter[name];
  if (strict !== undefined) return strict.code;
  if (result === 'accept') return result;
  const code = codes[result];
  return code ?? codeOfHandshakeFailed(name);
}

interface Verdict {
  result: HandshakeResult;
  answer: Buffer | undefined;
}

function validation(vector: HandshakeVectors['validation'][number]): {
  message: Buffer | undefined;
  rest: Buffer;
  run: (message: Buffer | undefined) => Verdict;
} {
  let received: { message: Buffer | undefined; rest: Buffer } = { message: undefined, rest: Buffer.alloc(0) };
  let fault: PortalError | undefined;
  try {
    received = receive(hex(vector.wireHex));
  } catch (error) {
    assert.ok(error instanceof PortalError);
    fault = error;
  }
  const local = recorded(vector.local, vector.now);
  return {
    ...received,
    run(message) {
      if (fault !== undefined) throw fault;
      assert.ok(message !== undefined);
      if (vector.validator === 'server') {
        const { result, message: response } = respondToHandshake(
          { ...local, alpns: vector.offeredAlpn ?? [] },
          message,
        );
        return { result, answer: response };
      }
      const handshake = startClientHandshake({ ...local, alpn: vector.requestedAlpn ?? '' });
      assert.equal(handshake.message.toString('hex'), vector.clientInitWireHex);
      // The Go handshake leaves comparing the lease id to its caller, so the responder counts as
      // the dialled lease here.
      return { result: handshake.finish(message, claimedId(message)), answer: undefined };
    },
  };
}

function claimedId(message: Buffer): string {
  try {
    return decodeInit(decodeSigned(message).data).identity?.id ?? '';
  } catch {
    return '';
  }
}

describe('the response to a dial, as judged by Go clients', () => {
  const app = createCredential();

  /**
   * Cases with refusals and broken streams fail before the handshake, so they are left out here.
   */
  for (const { name, result, dialledLeaseId, serverId, requestedAlpn, offeredAlpn } of vectors.requestConnection) {
    if (serverId === undefined || offeredAlpn === undefined) continue;
    it(`${result}: ${name}`, () => {
      const handshake = startClientHandshake({ now: Date.now, credential: createCredential(), alpn: requestedAlpn });
      const response = () =>
        respondToHandshake({ now: Date.now, credential: app, alpns: offeredAlpn }, handshake.message.subarray(4))
          .message;
      // The recording lacks the app's key: ours replaces it, and our id replaces the app's.
      const dialled =
        serverId === dialledLeaseId
          ? app.id
          : dialledLeaseId === serverId.toLowerCase()
            ? app.id.toLowerCase()
            : dialledLeaseId;
      const dial = () => handshake.finish(response().subarray(4), dialled);
      if (result === 'accept') assert.equal(dial().peerId, app.id);
      else
        assert.throws(
          dial,
          portalError(result === 'ErrRemoteIDMismatch' ? 'handshake_lease_mismatch' : 'handshake_alpn'),
        );
    });
  }
});
