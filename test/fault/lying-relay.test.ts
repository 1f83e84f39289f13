// A relay is not trusted: whatever it does to a dial ends in a typed error, and costs no more than
// the windows allow. The relay here speaks real yamux over an in-memory carrier, and misbehaves in
// the layers above it.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import process from 'node:process';
import { test, type TestContext } from 'node:test';
import { createCredential, type Credential } from '../../src/portal/identity.ts';
import { MessageStream } from '../../src/portal/message-stream.ts';
import { MessageReader } from '../../src/portal/packets/message-reader.ts';
import { encodePacket, ResponseCode } from '../../src/portal/packets/packets.ts';
import { prefixLength } from '../../src/portal/packets/length-prefix.ts';
import { SecureChannel } from '../../src/portal/secure/channel.ts';
import { SecurePipe } from '../../src/portal/secure/secure-pipe.ts';
import { respondToHandshake } from '../../src/portal/secure/handshake.ts';
import { Session } from '../../src/portal/session.ts';
import { Mux } from '../../src/portal/yamux/mux.ts';
import type { Pipe } from '../../src/portal/yamux/pipe.ts';
import { memoryCarrierPair } from '../helpers/memory-carrier.ts';

const alpn = 'http/1.1';
const accepted = encodePacket({ type: 'connectionResponse', code: ResponseCode.ACCEPTED });
const deadline = (): AbortSignal => AbortSignal.timeout(5_000);

interface Dialled {
  readonly pipe: Pipe;
  readonly messages: MessageStream;
}

/** A session whose relay handles every new stream with `lie`. */
function sessionWith(
  t: TestContext,
  lie: (dialled: Dialled) => void | Promise<void>,
): { session: Session; relay: Mux } {
  const [ours, theirs] = memoryCarrierPair();
  const session = new Session('ws://relay.test/relay', ours, { credential: createCredential() });
  const relay = new Mux(
    theirs,
    { role: 'server', tolerance: 'tolerant', keepalive: false },
    {
      stream: (pipe) => void lie({ pipe, messages: new MessageStream(pipe, new MessageReader(65_536)) }),
      goAway: () => undefined,
      close: () => undefined,
    },
  );
  t.after(async () => {
    relay.close();
    await session.close();
  });
  return { session, relay };
}

/** Acts as an honest app: reads the request and the ClientInit, and responds to both. */
async function serveHonestly({ pipe, messages }: Dialled, app: Credential): Promise<SecureChannel> {
  await messages.next(deadline());
  const init = await messages.next(deadline());
  assert.ok(init);
  const handshake = respondToHandshake({ now: Date.now, credential: app, alpns: [alpn] }, init);
  pipe.write([accepted, handshake.message]);
  return new SecureChannel(new SecurePipe(pipe, { result: handshake.result, ...messages.handOver() }));
}

/** Completes the handshake honestly, and changes every frame after it. */
async function serveFrames(
  dialled: Dialled,
  app: Credential,
  change: (frame: Buffer) => Buffer,
): Promise<SecureChannel> {
  const { pipe } = dialled;
  const write = pipe.write.bind(pipe);
  const channel = await serveHonestly(dialled, app);
  pipe.write = (pieces) => write([change(Buffer.concat(pieces))]);
  return channel;
}

test('detects a relay that connects the dial to another app', async (t) => {
  const impostor = createCredential();
  const { session } = sessionWith(t, async (dialled) => {
    (await serveHonestly(dialled, impostor)).on('error', () => undefined);
  });
  const dial = session.dial(createCredential().id, { alpn, signal: deadline() });
  await assert.rejects(dial, { code: 'handshake_lease_mismatch' });
});

test('a relay that replays an earlier handshake provides no tunnel that opens', async (t) => {
  const app = createCredential();
  let recorded: Buffer | undefined;
  const { session } = sessionWith(t, async ({ pipe, messages }) => {
    await messages.next(deadline());
    const init = await messages.next(deadline());
    assert.ok(init);
    const handshake = respondToHandshake({ now: Date.now, credential: app, alpns: [alpn] }, init);
    const replay = recorded ?? handshake.message;
    recorded = handshake.message;
    pipe.write([accepted, replay]);
    const channel = new SecureChannel(new SecurePipe(pipe, { result: handshake.result, ...messages.handOver() }));
    channel.on('error', () => undefined).write('a secret of this connection');
  });
  const honest = await session.dial(app.id, { alpn, signal: deadline() });
  assert.equal(String((await once(honest, 'data'))[0]), 'a secret of this connection');
  honest.destroy();
  // The signature of the replay is valid and recent, but no one holds the keys that follow from it.
  const replayed = await session.dial(app.id, { alpn, signal: deadline() });
  const [error] = (await once(replayed.resume(), 'error')) as [{ code: string }];
  assert.equal(error.code, 'frame_malformed');
});

test('rejects a relay that flips any bit of the handshake', async (t) => {
  const app = createCredential();
  let bit = 0;
  const { session } = sessionWith(t, async ({ pipe, messages }) => {
    await messages.next(deadline());
    const init = await messages.next(deadline());
    assert.ok(init);
    const message = Buffer.from(respondToHandshake({ now: Date.now, credential: app, alpns: [alpn] }, init).message);
    const index = 4 * 8 + (bit % ((message.length - 4) * 8));
    message[index >> 3] = (message[index >> 3] ?? 0) ^ (1 << (index & 7));
    pipe.write([accepted, message]);
  });
  for (bit = 0; bit < 1_800; bit += 13) {
    await assert.rejects(session.dial(app.id, { alpn, signal: deadline() }), { name: 'PortalError' });
  }
});

test('ends the tunnel before reading a byte if a relay flips a bit of a data frame', async (t) => {
  const app = createCredential();
  const { session } = sessionWith(t, async (dialled) => {
    const channel = await serveFrames(dialled, app, (frame) => {
      frame[frame.length - 20] = (frame[frame.length - 20] ?? 0) ^ 1;
      return frame;
    });
    channel.on('error', () => undefined).write('never to be read in this form');
  });
  const tunnel = await session.dial(app.id, { alpn, signal: deadline() });
  let readBytes = 0;
  tunnel.on('data', (chunk: Buffer) => {
    readBytes += chunk.length;
  });
  const [error] = (await once(tunnel, 'error')) as [{ code: string }];
  assert.equal(error.code, 'frame_malformed');
  assert.equal(readBytes, 0);
});

test('does not take a truncated data frame for the end of the stream', async (t) => {
  const app = createCredential();
  const { session } = sessionWith(t, async (dialled) => {
    const channel = await serveFrames(dialled, app, (frame) => frame.subarray(0, frame.length - 1));
    channel.on('error', () => undefined).end('all but the last byte of the tag');
  });
  const tunnel = await session.dial(app.id, { alpn, signal: deadline() });
  const [error] = (await once(tunnel.resume(), 'error')) as [{ code: string }];
  assert.equal(error.code, 'stream_truncated');
});

const hugeLength = Buffer.from('04000001', 'hex'); // 2^26 + 1

test('rejects a relay that announces 2^26 bytes or more, at the announcement', async (t) => {
  const stages: ((dialled: Dialled) => void | Promise<void>)[] = [
    ({ pipe }) => void pipe.write([hugeLength]),
    ({ pipe }) => void pipe.write([Buffer.concat([accepted, hugeLength])]),
    ({ pipe }) => void pipe.write([Buffer.concat([accepted, Buffer.from('04000000', 'hex')])]),
  ];
  for (const stage of stages) {
    const { session } = sessionWith(t, stage);
    const before = process.memoryUsage().arrayBuffers;
    await assert.rejects(session.dial(createCredential().id, { alpn, signal: deadline() }), {
      code: 'packet_too_large',
    });
    assert.ok(process.memoryUsage().arrayBuffers - before < 16 * 1024 * 1024);
  }
});

test('a data frame longer than the protocol allows ends the tunnel at its announcement', async (t) => {
  const app = createCredential();
  const { session } = sessionWith(t, async (dialled) => {
    const channel = await serveHonestly(dialled, app);
    channel.on('error', () => undefined);
    dialled.pipe.write([hugeLength]);
  });
  const tunnel = await session.dial(app.id, { alpn, signal: deadline() });
  const [error] = (await once(tunnel.resume(), 'error')) as [{ code: string }];
  assert.equal(error.code, 'frame_malformed');
});

test('a relay that never responds holds a dial only until its signal aborts, and its stream no longer', async (t) => {
  const { session, relay } = sessionWith(t, () => undefined);
  const signal = AbortSignal.timeout(30);
  await assert.rejects(session.dial(createCredential().id, { alpn, signal }), { name: 'TimeoutError' });
  await relay.ping();
  assert.equal(relay.streamCount, 0);
});

test('distinguishes another packet, garbage and silence from a relay', async (t) => {
  const cases: [string, (dialled: Dialled) => void][] = [
    ['packet_unexpected', ({ pipe }) => void pipe.write([encodePacket({ type: 'leaseUpdateResponse', code: 1 })])],
    ['packet_malformed', ({ pipe }) => void pipe.write([prefixLength(Buffer.from('ffffffff', 'hex'))])],
    [
      'lease_refused',
      ({ pipe }) => {
        pipe.end();
      },
    ],
    [
      'stream_truncated',
      ({ pipe }) => {
        pipe.write([Buffer.from('000000', 'hex')]);
        pipe.end();
      },
    ],
    [
      'lease_refused',
      ({ pipe }) => {
        pipe.reset();
      },
    ],
    [
      'lease_refused',
      ({ pipe }) => {
        pipe.write([accepted]);
        pipe.end();
      },
    ],
    ['lease_refused', ({ pipe }) => void pipe.write([encodePacket({ type: 'connectionResponse', code: 0 })])],
    ['handshake_malformed', ({ pipe }) => void pipe.write([accepted, prefixLength(Buffer.from('not protobuf'))])],
  ];
  for (const [code, lie] of cases) {
    const { session } = sessionWith(t, lie);
    await assert.rejects(session.dial(createCredential().id, { alpn, signal: deadline() }), { code }, code);
  }
});

test('a relay that opens 100,000 streams gets no further than the backlog, and the session continues', async (t) => {
  const app = createCredential();
  const { session, relay } = sessionWith(t, async (dialled) => {
    (await serveHonestly(dialled, app)).on('error', () => undefined);
  });
  // Nothing is published here, so each stream waits for a connection request until it times out.
  const before = process.memoryUsage().heapUsed;
  const opens: Promise<unknown>[] = [];
  const signal = AbortSignal.timeout(2_000);
  for (let i = 0; i < 100_000; i += 1) opens.push(relay.open(signal).catch(() => undefined));
  const tunnel = await session.dial(app.id, { alpn, signal: deadline() });
  tunnel.destroy();
  relay.close();
  await Promise.all(opens);
  assert.ok(process.memoryUsage().heapUsed - before < 256 * 1024 * 1024);
});
