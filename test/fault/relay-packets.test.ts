// Packets that crash real relays, and other invalid packets. Ours ends the stream and keeps serving
// the connection.
import assert from 'node:assert/strict';
import { randomBytes, randomInt } from 'node:crypto';
import { test, type TestContext } from 'node:test';
import { encodePacket, ResponseCode, type Packet } from '../../src/portal/packets/packets.ts';
import { startRelay, type RelayBench } from '../helpers/relay-bench.ts';
import type { RelayPeer } from '../helpers/relay-peer.ts';

const { ACCEPTED, INVALID_IDENTITY, REJECTED } = ResponseCode;

async function start(t: TestContext): Promise<{ bench: RelayBench; app: RelayPeer; client: RelayPeer }> {
  const bench = await startRelay(t, { appResponseTimeoutMs: 50, requestTimeoutMs: 2_000 });
  const [app, client] = [await bench.peer(), await bench.peer()];
  assert.equal(await app.register({ name: 'app' }), ACCEPTED);
  return { bench, app, client };
}

/** Asserts that the relay and both connections still work. */
async function assertServing({ app, client }: { app: RelayPeer; client: RelayPeer }): Promise<void> {
  assert.deepEqual(
    (await client.leases()).map(({ name }) => name),
    ['app'],
  );
  const dialled = await client.dial(app.id);
  const responded = await app.respond(ACCEPTED);
  assert.equal(await dialled.code(), ACCEPTED);
  dialled.pipe.reset();
  await responded.failure();
}

function length(bytes: number): Buffer {
  const prefix = Buffer.alloc(4);
  prefix.writeUInt32BE(bytes);
  return prefix;
}

function framed(...parts: Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([length(body.length), body]);
}

for (const [name, bytes] of [
  ['a length over 2^26', length(2 ** 26 + 1)],
  ['the largest possible length', length(0xffffffff)],
  ['a length of 2^26 with few bytes after it', Buffer.concat([length(2 ** 26), randomBytes(100)])],
  ['bytes that are not a packet', framed(Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'))],
  ['application bytes', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')],
  ['a packet of an unknown type', framed(Buffer.from([0x08, 0x63]))],
  ['a packet with a truncated payload', framed(Buffer.from([0x08, 0x06, 0x12, 0x05, 0x0a]))],
  ['a response without a request', encodePacket({ type: 'connectionResponse', code: ACCEPTED })],
  ['an info response', encodePacket({ type: 'relayInfoResponse', relayInfo: undefined })],
  ['a lease update whose signed payload is garbage', framed(Buffer.from([0x08, 0x02, 0x12, 0x03, 0xff, 0xff, 0xff]))],
] as const) {
  test(`${name} in place of a request ends only the stream`, async (t) => {
    const parts = await start(t);
    const stream = (await parts.client.open()).write(bytes);
    assert.equal((await stream.finished()).length, 0);
    await assertServing(parts);
  });
}

test('an unknown field in an info request is skipped', async (t) => {
  const parts = await start(t);
  const stream = (await parts.client.open()).write(framed(Buffer.from([0x12, 0x02, 0x78, 0x01])));
  assert.equal((await stream.packet()).type, 'relayInfoResponse');
  await assertServing(parts);
});

test('a connection request without client identity, or with an invalid one, is INVALID_IDENTITY', async (t) => {
  const parts = await start(t);
  const { app, client } = parts;
  const bare: Packet = { type: 'connectionRequest', leaseId: app.id, clientIdentity: undefined };
  assert.deepEqual(await client.ask(bare), { type: 'connectionResponse', code: INVALID_IDENTITY });
  for (const clientIdentity of [
    { id: '', publicKey: new Uint8Array() },
    { id: app.id, publicKey: client.credential.publicKey },
    { id: client.id, publicKey: new Uint8Array(1_000) },
  ]) {
    const response = await client.ask({ ...bare, clientIdentity });
    assert.deepEqual(response, { type: 'connectionResponse', code: INVALID_IDENTITY });
  }
  await assertServing(parts);
});

test('a connection request for an invalid id of any length is INVALID_IDENTITY', async (t) => {
  const parts = await start(t);
  for (const leaseId of ['', 'app', '../', '\0', 'x'.repeat(300_000)])
    assert.equal(await (await parts.client.dial(leaseId)).code(), INVALID_IDENTITY);
  const logged = parts.bench.events.find((event) => event.event === 'dial_refused' && event.leaseId.startsWith('xx'));
  assert.ok(logged?.event === 'dial_refused' && logged.leaseId.length <= 64);
  await assertServing(parts);
});

test('a lease update without a lease, or a lease without an identity, is INVALID_IDENTITY', async (t) => {
  const parts = await start(t);
  const update = parts.client.leaseUpdate();
  assert.ok(update.type === 'leaseUpdateRequest');
  const empty: Packet = { ...update, signed: { data: new Uint8Array(), signature: update.signed.signature } };
  assert.deepEqual(await parts.client.ask(empty), { type: 'leaseUpdateResponse', code: INVALID_IDENTITY });
  assert.equal(await parts.client.register({ identity: undefined }), INVALID_IDENTITY);
  await assertServing(parts);
});

test('a lease request with a signature that is wrong, short, or over other data is INVALID_IDENTITY', async (t) => {
  const parts = await start(t);
  const update = parts.client.leaseUpdate({ name: 'one' });
  const other = parts.client.leaseUpdate({ name: 'two' });
  assert.ok(update.type === 'leaseUpdateRequest' && other.type === 'leaseUpdateRequest');
  for (const signature of [new Uint8Array(), new Uint8Array(64), new Uint8Array(10_000), other.signed.signature]) {
    const response = await parts.client.ask({ ...update, signed: { data: update.signed.data, signature } });
    assert.deepEqual(response, { type: 'leaseUpdateResponse', code: INVALID_IDENTITY });
  }
  await assertServing(parts);
});

for (const [name, bytes] of [
  ['another type', encodePacket({ type: 'relayInfoRequest' })],
  ['a length over 2^26', length(2 ** 26 + 1)],
  ['more than a response contains', framed(randomBytes(5_000))],
  ['bytes that are not a packet', framed(Buffer.from([0xff, 0xff, 0xff]))],
  ['an empty packet', framed()],
] as const) {
  test(`an app that responds with ${name} is REJECTED, and both connections stay open`, async (t) => {
    const parts = await start(t);
    const dialled = await parts.client.dial(parts.app.id, randomBytes(201));
    const atApp = await parts.app.accept();
    await atApp.packet();
    atApp.write(bytes);
    assert.equal(await dialled.code(), REJECTED);
    assert.equal((await dialled.finished()).length, 0);
    await atApp.failure();
    assert.equal(parts.bench.relay.counts().forwards, 0);
    await assertServing(parts);
  });
}

test('an app that ends, resets, or sends nothing within the limit is REJECTED; its late response changes nothing', async (t) => {
  const parts = await start(t);
  const { app, client, bench } = parts;
  const ended = await client.dial(app.id);
  (await app.accept()).pipe.end();
  assert.equal(await ended.code(), REJECTED);
  const reset = await client.dial(app.id);
  (await app.accept()).pipe.reset();
  assert.equal(await reset.code(), REJECTED);
  const silent = await client.dial(app.id);
  const atApp = await app.accept();
  assert.equal(await silent.code(), REJECTED);
  await bench.event('dial_refused', ({ reason }) => reason === 'app_silent');
  atApp.write(encodePacket({ type: 'connectionResponse', code: ACCEPTED }));
  await atApp.failure().catch(() => undefined);
  assert.equal(bench.relay.counts().forwards, 0);
  await assertServing(parts);
});

test('losing the connection of an app during a request is INVALID_IDENTITY', async (t) => {
  const { app, client } = await start(t);
  const dialled = await client.dial(app.id);
  await app.accept();
  app.close();
  assert.equal(await dialled.code(), INVALID_IDENTITY);
});

test('application bytes after a rejected request, including a length over 2^26, are dropped', async (t) => {
  const parts = await start(t);
  for (const ahead of [Buffer.from('GET / HTTP/1.1\r\n\r\n'), length(0xffffffff), randomBytes(100_000)]) {
    const dialled = await parts.client.dial('AAAAAAAAAAAAAAAAAAAAAAAAAA', ahead);
    assert.equal(await dialled.code(), INVALID_IDENTITY);
    dialled.write(ahead);
    assert.equal((await dialled.finished()).length, 0);
    dialled.pipe.end();
  }
  await assertServing(parts);
});

test('limits bytes sent before the response to one window', async (t) => {
  const bench = await startRelay(t, { appResponseTimeoutMs: 5_000 });
  const [app, client] = [await bench.peer(), await bench.peer()];
  await app.register();
  const dialled = await client.dial(app.id);
  const atApp = await app.accept();
  await atApp.packet();
  const flood = Buffer.alloc(4 * 1_048_576, 7);
  dialled.write(flood);
  // When its stream no longer moves, the client's carrier has sent all that it may.
  for (let round = 0; round < 100; round += 1) await new Promise((resolve) => setImmediate(resolve));
  assert.ok(dialled.pipe.queuedBytes >= flood.length - 262_144);
  atApp.write(encodePacket({ type: 'connectionResponse', code: ACCEPTED }));
  assert.ok((await atApp.read(flood.length)).equals(flood));
});

test('3,000 random mutations of every request never cost more than their stream', async (t) => {
  const bench = await startRelay(t, { requestTimeoutMs: 100, appResponseTimeoutMs: 50, lingerMs: 50 });
  const [app, client] = [await bench.peer(), await bench.peer()];
  await app.register({ name: 'app' });
  const originals = [
    encodePacket({ type: 'relayInfoRequest' }),
    encodePacket(client.leaseUpdate({ name: 'x', metadata: '{}' })),
    encodePacket(client.leaseDelete()),
    client.connectionRequest(app.id),
  ];
  for (let round = 0; round < 30; round += 1) {
    await Promise.all(
      Array.from({ length: 100 }, async (_, index) => {
        const original = originals[index % originals.length] ?? Buffer.alloc(0);
        const mutant = Buffer.concat([original, randomBytes(randomInt(4))]);
        for (let changes = randomInt(1, 4); changes > 0 && mutant.length > 0; changes -= 1)
          mutant[randomInt(mutant.length)] = randomInt(256);
        const stream = (await client.open()).write(mutant);
        stream.pipe.end();
        // Any response, an end or a reset.
        await stream.finished().catch(() => undefined);
      }),
    );
  }
  assert.ok((await client.leases()).some(({ name }) => name === 'app'));
  assert.ok(!bench.events.some((event) => event.event === 'stream_refused' && event.reason.startsWith('internal')));
});
