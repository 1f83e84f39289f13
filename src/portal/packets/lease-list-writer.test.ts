import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { encodeLeaseList, encodeListEntry } from './lease-list-writer.ts';
import { encodePacket } from './packets.ts';

test('a list of pre-encoded entries has the same bytes as one encoded at once', () => {
  const identity = { id: 'R'.repeat(26), publicKey: new Uint8Array(32).fill(7) };
  const lease = fc.record({
    identity: fc.constantFrom(undefined, { id: 'A'.repeat(26), publicKey: new Uint8Array(32) }),
    expires: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    name: fc.string({ unit: 'grapheme' }),
    alpn: fc.array(fc.string()),
    metadata: fc.nat(70_000).map((length) => 'm'.repeat(length)),
  });
  fc.assert(
    fc.property(fc.array(lease, { maxLength: 4 }), fc.array(fc.webUrl(), { maxLength: 2 }), (leases, address) => {
      assert.deepEqual(
        Buffer.concat(encodeLeaseList(identity, address, leases.map(encodeListEntry))),
        encodePacket({ type: 'relayInfoResponse', relayInfo: { identity, address, leases } }),
      );
    }),
    { numRuns: 200 },
  );
});
