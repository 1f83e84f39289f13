import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { systemClock } from '../../kernel/clock.ts';
import { memoryCarrierPair } from '../../../test/helpers/memory-carrier.ts';
import { ClockSkewError, type PortalError } from '../errors.ts';
import { createCredential } from '../identity.ts';
import { MessageStream } from '../message-stream.ts';
import { LeaseRejected } from './name-holder.ts';
import { MessageReader } from '../packets/message-reader.ts';
import { decodePacket, encodePacket, ResponseCode } from '../packets/packets.ts';
import { RelayClock } from './relay-clock.ts';
import { Session } from '../session.ts';
import type { Pipe } from '../yamux/pipe.ts';
import { Mux } from '../yamux/mux.ts';

interface GoRelay {
  /** Seconds by which its clock is ahead of ours. */
  readonly clock: number;
  /** Seconds by which the Date of its responses is ahead of our clock. */
  readonly date: number;
  /** Another identity holds the name. */
  readonly isNameTaken?: boolean;
}

interface Outcome {
  readonly error: PortalError | undefined;
  /** How many lease updates the relay received. */
  readonly updates: number;
}

/**
 * Publishes at a relay that responds to lease updates like Go relays, with REJECTED also for a past
 * expiry.
 */
async function publishAt(t: TestContext, { clock, date, isNameTaken = false }: GoRelay): Promise<Outcome> {
  let updates = 0;
  const respond = async (pipe: Pipe): Promise<void> => {
    const message = await new MessageStream(pipe, new MessageReader(65_536)).next(t.signal);
    const packet = message && decodePacket(message);
    if (packet?.type === 'relayInfoRequest') {
      pipe.write([
        encodePacket({ type: 'relayInfoResponse', relayInfo: { identity: undefined, address: [], leases: [] } }),
      ]);
    }
    if (packet?.type !== 'leaseUpdateRequest') return;
    updates += 1;
    const isPast = Number(packet.request.lease?.expires) < Date.now() / 1_000 + clock;
    const code = isPast || isNameTaken ? ResponseCode.REJECTED : ResponseCode.ACCEPTED;
    pipe.write([encodePacket({ type: 'leaseUpdateResponse', code })]);
  };
  const [ours, theirs] = memoryCarrierPair();
  const relay = new Mux(
    theirs,
    { role: 'server', tolerance: 'tolerant', keepalive: false },
    { stream: (pipe) => void respond(pipe), goAway: () => undefined, close: () => undefined },
  );
  const relayClock = new RelayClock({ clock: systemClock });
  const atMs = performance.now();
  relayClock.take({ dateMs: Date.now() + date * 1_000, sentAtMs: atMs, receivedAtMs: atMs });
  const session = new Session('ws://relay.test/relay', ours, { credential: createCredential() }, relayClock);
  t.after(async () => {
    relay.close();
    await session.close();
  });
  const offer = { name: 'app', credential: createCredential(), alpn: ['http/1.1'] };
  const error = await new Promise<PortalError | undefined>((resolve) => {
    session.publish(offer, () => false, {
      published: () => {
        resolve(undefined);
      },
      refused: resolve,
    });
  });
  return { error, updates };
}

test('publishes to a Go relay behind a proxy with another clock by the time of this machine', async (t) => {
  assert.deepEqual(await publishAt(t, { clock: 0, date: -100 }), { error: undefined, updates: 2 });
  assert.deepEqual(await publishAt(t, { clock: 100, date: 100 }), { error: undefined, updates: 1 });
});

test('reports a name taken at a Go relay as such, whatever the clocks show', async (t) => {
  for (const [date, updates] of [
    [0, 1],
    [-100, 2],
    [100, 2],
  ] as const) {
    const outcome = await publishAt(t, { clock: date, date, isNameTaken: true });
    assert.ok(outcome.error instanceof LeaseRejected, String(outcome.error));
    assert.equal(outcome.updates, updates);
  }
});

test('reports that a Go relay whose clock is more than a day ahead rejects leases as expired', async (t) => {
  const { error, updates } = await publishAt(t, { clock: 100_000, date: 100_000 });
  assert.ok(error instanceof ClockSkewError, String(error));
  assert.equal(updates, 1);
});
