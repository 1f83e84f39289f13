// Replays the messages of real relays from recorded sessions to our client, websocket message by
// websocket message, with the recorded clock, identity, keys and nonces. Our ClientInit leaves with
// the connection request, the recorded one after ACCEPTED, so sent bytes are compared per stream
// and not in the order of the whole session.
import assert from 'node:assert/strict';
import { createSecretKey, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { systemClock } from '../../src/kernel/clock.ts';
import type { PortalErrorCode } from '../../src/portal/errors.ts';
import { credentialFromSeed } from '../../src/portal/identity.ts';
import type { RelayInfo } from '../../src/portal/lease.ts';
import { maxMetadataBytes } from '../../src/portal/packets/lease-list-reader.ts';
import type { SecureChannel } from '../../src/portal/secure/channel.ts';
import { FrameOpener } from '../../src/portal/secure/frame-opener.ts';
import { createSessionKey, sessionKeyFromBytes } from '../../src/portal/secure/key-schedule.ts';
import { Session } from '../../src/portal/session.ts';
import { flags, parseFrames, types } from '../helpers/mux-frames.ts';
import { ScriptedCarrier, settle } from '../helpers/mux-scripted-carrier.ts';
import { portalError } from '../helpers/portal-error.ts';
import {
  messageOf,
  readRecordedSessions,
  sha256,
  type RecordedInfo,
  type RecordedSession,
  type RecordedStep,
} from '../helpers/session-vectors.ts';
import { hex } from '../helpers/vectors.ts';

const refusals: Readonly<Record<string, PortalErrorCode>> = {
  INVALID_IDENTITY: 'lease_unknown',
  REJECTED: 'lease_rejected',
};

interface Connection {
  readonly stream: number;
  readonly dial: Promise<SecureChannel>;
  tunnel: SecureChannel | undefined;
  readonly received: Buffer[];
  written: string;
}

class Replay {
  readonly #recorded: RecordedSession;
  readonly #carrier = new ScriptedCarrier();
  readonly #session: Session;
  /** The recorded `see` step of the connection being dialled. */
  #dialling: RecordedStep | undefined;
  #nowMs: number;
  /** Each call of the recorded client opens the next stream, and so does ours. */
  #lastStream = -1;
  #info: Promise<RelayInfo> | undefined;
  readonly #connections = new Map<string, Connection>();
  /** By stream: the bodies of Data frames, and the first frame. */
  readonly #sent = new Map<number, Buffer[]>();
  readonly #pongs: number[] = [];

  constructor(recorded: RecordedSession) {
    this.#recorded = recorded;
    this.#nowMs = 1_000 * Number(recorded.steps.find(({ now }) => now !== undefined)?.now);
    this.#session = new Session('ws://relay.test/relay', this.#carrier, {
      credential: credentialFromSeed(hex(recorded.clientSeedHex)),
      windowBytes: recorded.maxStreamWindow,
      clock: { ...systemClock, wallMs: () => this.#nowMs },
      handshakeSecrets: {
        random: (bytes) => {
          const nonce = this.#dialling?.nonceHex;
          return nonce === undefined ? randomBytes(bytes) : hex(nonce);
        },
        sessionKey: () => {
          const key = this.#dialling?.x25519PrivateHex;
          return key === undefined ? createSessionKey() : sessionKeyFromBytes(hex(key));
        },
      },
    });
  }

  async run(): Promise<void> {
    for (const [index, step] of this.#recorded.steps.entries()) {
      if (step.from === 'server') this.#carrier.feed(messageOf(this.#recorded, step));
      else if (step.do !== undefined) await this.#do(step, index);
      else if (step.see !== undefined) await this.#see(step);
      await settle();
      this.#takeSent();
    }
    for (const [name, connection] of this.#connections) this.#checkStream(name, connection);
    const pings = this.#messages('server').filter((message) => isPing(message, flags.syn)).length;
    assert.equal(this.#pongs.length, pings, 'each ping of the relay is answered');
    await this.#session.close();
    assert.equal(this.#carrier.closed, true);
  }

  async #do(step: RecordedStep, index: number): Promise<void> {
    const { as = '', leaseId = '', alpn = '' } = step;
    const connection = this.#connections.get(step.on ?? '');
    switch (step.do) {
      case 'getRelayInfo':
        this.#lastStream += 2;
        this.#info = this.#session.info(new AbortController().signal);
        return;
      case 'requestConnection': {
        this.#lastStream += 2;
        const seen = this.#recorded.steps.slice(index).find((later) => later.see === 'connection' && later.as === as);
        this.#dialling = seen;
        if (seen?.now !== undefined) this.#nowMs = 1_000 * Number(seen.now);
        const dial = this.#session.dial(leaseId, { alpn, signal: new AbortController().signal });
        dial.catch(() => undefined); // checked where the recorded client saw the result
        this.#connections.set(as, { stream: this.#lastStream, dial, tunnel: undefined, received: [], written: '' });
        return;
      }
      case 'write':
        assert.ok(connection?.tunnel);
        connection.written += step.text ?? '';
        connection.tunnel.write(step.text ?? '');
        return;
      case 'close':
        assert.ok(connection?.tunnel);
        connection.tunnel.end();
        return;
      case 'connect':
      case 'disconnect':
      case 'stopApp':
      case 'freezeApp':
        await Promise.resolve();
        return;
      case undefined:
      default:
        assert.fail(`unknown call: ${step.do ?? ''}`);
    }
  }

  async #see(step: RecordedStep): Promise<void> {
    if (step.relayInfo !== undefined) {
      assert.ok(this.#info);
      checkInfo(await this.#info, step.relayInfo);
    } else if (step.see === 'connection') {
      const connection = this.#connections.get(step.as ?? '');
      assert.ok(connection);
      if (step.codeName !== 'ACCEPTED') {
        const code = refusals[step.codeName ?? ''];
        assert.ok(code !== undefined, String(step.codeName));
        await assert.rejects(connection.dial, portalError(code));
        return;
      }
      connection.tunnel = await connection.dial;
      connection.tunnel.on('data', (chunk: Buffer) => connection.received.push(chunk));
    }
  }

  #takeSent(): void {
    for (const frame of parseFrames(this.#carrier.take())) {
      if (frame.type === types.ping) this.#pongs.push(frame.length);
      const bodies = this.#sent.get(frame.id);
      if (bodies !== undefined) bodies.push(frame.body);
      else if (frame.type !== types.ping) {
        this.#sent.set(frame.id, []);
        // The window that the SYN grants is also the recorded one.
        const syn = this.#messages('client').find((message) => isSyn(message, frame.id));
        assert.deepEqual({ flags: frame.flags, length: frame.length }, synOf(syn));
      }
    }
  }

  #checkStream(name: string, { stream, tunnel, received, written }: Connection): void {
    const recorded = Buffer.concat(this.#recordedBodies(stream));
    const sent = Buffer.concat(this.#sent.get(stream) ?? []);
    const items = this.#recorded.streams.find((candidate) => candidate.stream === stream)?.items ?? [];
    const seen = this.#recorded.steps.find((step) => step.see === 'connection' && step.as === name);
    const requestEnd = 4 + recorded.readUInt32BE();
    if (seen?.clientToServerKeyHex === undefined) {
      assert.deepEqual(sent.subarray(0, requestEnd), recorded, 'the connection request');
      return;
    }
    const initEnd = requestEnd + 4 + recorded.readUInt32BE(requestEnd);
    assert.deepEqual(sent.subarray(0, initEnd), recorded.subarray(0, initEnd), 'connection request and ClientInit');

    const opened: Buffer[] = [];
    const opener = new FrameOpener(createSecretKey(hex(seen.clientToServerKeyHex)), 2 ** 26, (text) =>
      opened.push(text),
    );
    opener.push(sent.subarray(initEnd));
    assert.equal(opener.atBoundary, true);
    assert.equal(Buffer.concat(opened).toString(), written, 'the written frame opens with the recorded key');

    let read = Buffer.concat(received);
    for (const { from, plaintextLength, plaintextHex, plaintextSha256 } of items) {
      if (from !== 'server' || plaintextLength === undefined) continue;
      const frame = read.subarray(0, plaintextLength);
      read = read.subarray(plaintextLength);
      assert.equal(sha256(frame), plaintextSha256 ?? sha256(hex(plaintextHex ?? '')), 'as the app sent it');
    }
    assert.equal(read.length, 0, 'and nothing more');
    assert.equal(tunnel?.readableEnded, true, "the relay's FIN is the end of the tunnel");
    assert.equal(tunnel.errored, null);
  }

  /** The Data frames' bodies that the recorded client sent. */
  #recordedBodies(stream: number): Buffer[] {
    const messages = this.#messages('client');
    return messages.filter((_, at) => {
      const header = messages[at - 1];
      return header?.length === 12 && isData(header, stream);
    });
  }

  #messages(from: 'client' | 'server'): Buffer[] {
    return this.#recorded.steps.filter((step) => step.from === from).map((step) => messageOf(this.#recorded, step));
  }
}

function isSyn(message: Buffer, stream: number): boolean {
  return (
    message.length === 12 &&
    message.readUInt8(1) === types.windowUpdate &&
    message.readUInt16BE(2) === flags.syn &&
    message.readUInt32BE(4) === stream
  );
}

function isData(header: Buffer, stream: number): boolean {
  return header.readUInt8(1) === types.data && header.readUInt32BE(4) === stream && header.readUInt32BE(8) > 0;
}

function isPing(message: Buffer, flag: number): boolean {
  return message.length === 12 && message.readUInt8(1) === types.ping && message.readUInt16BE(2) === flag;
}

function synOf(message: Buffer | undefined): { flags: number; length: number } {
  assert.ok(message);
  return { flags: message.readUInt16BE(2), length: message.readUInt32BE(8) };
}

const leftOut = /^\((\d+) bytes, left out\)$/;

function checkInfo(info: RelayInfo, recorded: RecordedInfo): void {
  assert.equal(info.identity?.id, recorded.identity.id);
  assert.deepEqual(Buffer.from(info.identity.publicKey), hex(recorded.identity.publicKeyHex));
  assert.deepEqual(info.addresses, recorded.address);
  assert.deepEqual(
    info.leases,
    recorded.leases.map(({ identity, name, alpn, expires, metadata }) => {
      // Metadata omitted from the recording also exceeds our client's limit: it drops the metadata
      // and keeps the entry.
      const omittedBytes = Number(leftOut.exec(metadata)?.[1] ?? 0);
      assert.ok(omittedBytes === 0 || omittedBytes > maxMetadataBytes);
      return {
        ...{ id: identity.id, name, alpn, expiresAtMs: 1_000 * Number(expires) },
        metadata: omittedBytes === 0 ? metadata : '',
      };
    }),
  );
}

const sessions = readRecordedSessions();
if (sessions === undefined)
  test('sessions with real relays, replayed against our client', {
    skip: 'the recorded sessions are not at ../shared/vectors',
  });
else
  for (const session of sessions)
    test(`our client behaves like the recorded one: ${session.name}`, () => new Replay(session).run());
