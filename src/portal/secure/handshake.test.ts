import assert from 'node:assert/strict';
import type { KeyObject } from 'node:crypto';
import { describe, it } from 'node:test';
import { portalError } from '../../../test/helpers/portal-error.ts';
import { ClockSkewError } from '../errors.ts';
import { createCredential } from '../identity.ts';
import { FrameOpener } from './frame-opener.ts';
import { FrameSealer } from './frame-sealer.ts';
import { maxFrameBytes } from './frame-format.ts';
import { respondToHandshake, refuseTimestamp, startClientHandshake } from './handshake.ts';

function keyHex(key: KeyObject): string {
  return key.export().toString('hex');
}

function open(key: KeyObject, stream: Buffer): string {
  const plaintext: Buffer[] = [];
  new FrameOpener(key, maxFrameBytes, (piece) => plaintext.push(piece)).push(stream);
  return Buffer.concat(plaintext).toString('hex');
}

describe('a handshake', () => {
  const client = createCredential();
  const app = createCredential();
  const start = () => startClientHandshake({ now: Date.now, credential: client, alpn: 'http/1.1' });

  it('gives both sides the same keys, and never the same keys twice', () => {
    const seen = new Set<string>();
    for (let i = 0; i < 4; i += 1) {
      const handshake = start();
      const response = respondToHandshake(
        { now: Date.now, credential: app, alpns: ['http/1.1'] },
        handshake.message.subarray(4),
      );
      const result = handshake.finish(response.message.subarray(4), app.id);
      assert.equal(keyHex(result.sendKey), keyHex(response.result.receiveKey));
      assert.equal(keyHex(result.receiveKey), keyHex(response.result.sendKey));
      seen.add(keyHex(result.sendKey)).add(keyHex(result.receiveKey));
    }
    assert.equal(seen.size, 8);
  });

  it('is rejected by an app that does not admit the client, by the proven id', () => {
    const asked: string[] = [];
    const allowClient = (id: string): boolean => {
      asked.push(id);
      return false;
    };
    assert.throws(
      () =>
        respondToHandshake(
          { now: Date.now, credential: app, alpns: ['http/1.1'], allowClient },
          start().message.subarray(4),
        ),
      portalError('handshake_client_refused'),
    );
    assert.deepEqual(asked, [client.id]);
  });

  it('does not check admission of an id that is only claimed', () => {
    const message = Buffer.from(start().message.subarray(4));
    message.writeUInt8(message.readUInt8(message.length - 1) ^ 1, message.length - 1);
    const allowClient = (): boolean => assert.fail('admission was checked');
    assert.throws(
      () => respondToHandshake({ now: Date.now, credential: app, alpns: ['http/1.1'], allowClient }, message),
      portalError('handshake_signature'),
    );
  });

  it("is rejected if a relay returns the client's own message", () => {
    const handshake = start();
    assert.throws(
      () => handshake.finish(handshake.message.subarray(4), app.id),
      portalError('handshake_lease_mismatch'),
    );
  });

  it('with a replayed response gives a key that no peer has', () => {
    const first = start();
    const response = respondToHandshake(
      { now: Date.now, credential: app, alpns: ['http/1.1'] },
      first.message.subarray(4),
    );
    first.finish(response.message.subarray(4), app.id);
    // Within 30 s the signature is still valid, and the response contains nothing of the client's
    // message. The key protects: it depends on this client's fresh session key, so the relay can
    // neither read nor create a frame.
    const second = start().finish(response.message.subarray(4), app.id);
    assert.notEqual(keyHex(second.receiveKey), keyHex(response.result.sendKey));
    const frame = new FrameSealer(response.result.sendKey, { next: () => Buffer.alloc(16) }).seal([
      Buffer.from('recorded'),
    ]);
    assert.throws(() => open(second.receiveKey, Buffer.concat(frame)), portalError('frame_malformed'));
  });

  it('with a replayed first message gives a key that no peer has', () => {
    const replayed = start().message.subarray(4);
    const responses = [1, 2].map(
      () => respondToHandshake({ now: Date.now, credential: app, alpns: ['http/1.1'] }, replayed).result,
    );
    assert.notEqual(...(responses.map(({ receiveKey }) => keyHex(receiveKey)) as [string, string]));
  });

  it('cannot be replayed after 31 seconds', () => {
    const { message } = start();
    assert.throws(
      () =>
        respondToHandshake(
          { credential: app, alpns: ['http/1.1'], now: () => Date.now() + 32_000 },
          message.subarray(4),
        ),
      portalError('clock_skew'),
    );
  });

  it('reports the clock difference, as signed by the other side', () => {
    for (const skew of [40, -40, 300, -300]) {
      const now = (): number => Date.now() + skew * 1_000;
      const near = (expected: number) => (error: unknown) =>
        error instanceof ClockSkewError && Math.abs((error.skewSeconds ?? NaN) - expected) <= 3;
      assert.throws(
        () => respondToHandshake({ credential: app, alpns: ['http/1.1'], now }, start().message.subarray(4)),
        (error) => near(skew)(error) && (error as ClockSkewError).peerId === client.id,
      );
      const refusal = refuseTimestamp({ credential: app, now }).subarray(4);
      assert.throws(() => start().finish(refusal, app.id), near(-skew));
      // Signed by another key, or not signed: refused because of its time, without reporting the
      // app's clock.
      const unproven = (error: unknown): boolean =>
        error instanceof ClockSkewError && error.skewSeconds === undefined && error.peerId === undefined;
      assert.throws(() => start().finish(refuseTimestamp({ credential: client, now }).subarray(4), app.id), unproven);
      const flipped = Buffer.from(refusal);
      flipped.writeUInt8(flipped.readUInt8(flipped.length - 1) ^ 1, flipped.length - 1);
      assert.throws(() => start().finish(flipped, app.id), unproven);
    }
  });

  it('is rejected for the clock if only the app finds the difference too large', () => {
    const refusal = refuseTimestamp({ credential: app, now: () => Date.now() - 29_000 }).subarray(4);
    assert.throws(() => start().finish(refusal, app.id), portalError('clock_skew'));
  });

  it('fails on any flipped bit, with a typed error', () => {
    const message = start().message.subarray(4);
    for (let bit = 0; bit < message.length * 8; bit += 1) {
      const flipped = Buffer.from(message);
      flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      assert.throws(
        () => respondToHandshake({ now: Date.now, credential: app, alpns: ['http/1.1'] }, flipped),
        (error: { code?: string }) => /^(?:handshake_|clock_skew$)/.test(error.code ?? ''),
        `bit ${bit}`,
      );
    }
  });

  it('shows untrusted text in its errors only as JSON', () => {
    const { message } = startClientHandshake({ now: Date.now, credential: client, alpn: 'a\nb' });
    assert.throws(
      () => respondToHandshake({ now: Date.now, credential: app, alpns: [] }, message.subarray(4)),
      (error: Error) => !error.message.includes('\n'),
    );
  });
});
