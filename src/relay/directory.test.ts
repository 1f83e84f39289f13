import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCredential } from '../portal/identity.ts';
import { decodePacket } from '../portal/packets/packets.ts';
import { Directory } from './directory.ts';
import { LeaseTable } from './lease-table.ts';
import { defaultLimits } from './relay-limits.ts';

test('a changed lease causes neither encoding nor copying of large unchanged leases', () => {
  const clock = { monotonicMs: () => 0, wallMs: () => 0 };
  const leases = new LeaseTable<string>(clock, defaultLimits, () => undefined);
  const lease = { identity: undefined, expires: 1_000n, alpn: ['http/1.1'] };
  const large = { ...lease, metadata: 'm'.repeat(250_000) };
  for (let i = 0; i < 60; i += 1) {
    const outcome = leases.register(`L${i}`, { ...large, name: `large-${i}` }, 30_000, 'h', `192.0.2.${i % 5}`);
    assert.equal(outcome, 'registered');
  }
  const directory = new Directory(createCredential(), [], leases);
  const before = new Set(directory.respond());
  assert.equal(leases.register('S', { ...lease, name: 'small', metadata: '' }, 30_000, 'h', '192.0.2.9'), 'registered');
  const made = directory.respond().filter((piece) => !before.has(piece));
  const madeBytes = made.reduce((sum, { length }) => sum + length, 0);
  assert.ok(madeBytes < 1_000, `${madeBytes} bytes were created for a lease of a few hundred`);
  const packet = decodePacket(Buffer.concat(directory.respond()).subarray(4));
  assert.equal(packet.type === 'relayInfoResponse' && packet.relayInfo?.leases.length, 61);
});
