import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { proxyHeader } from '../../../test/helpers/proxy-header.ts';
import { readProxyHeader, type ProxyHeader } from './proxy-protocol.ts';

const ipv4 = Buffer.from([192, 0, 2, 1, 198, 51, 100, 7, 0x12, 0x34, 0x00, 0x50]);
const ipv6 = Buffer.concat([
  Buffer.from('20010db8000000000000000000000001', 'hex'),
  Buffer.from('20010db8000000000000000000000002', 'hex'),
  Buffer.from([0x12, 0x34, 0x00, 0x50]),
]);
const unix = Buffer.alloc(216, '/tmp/socket');
const tlv = Buffer.from([0x04, 0x00, 0x03, 1, 2, 3]);

function complete(bytes: number, ip: string): ProxyHeader {
  return { kind: 'complete', bytes, source: { kind: 'client', ip, port: 0x1234 } };
}

test('reads the client of a TCP connection from the header, whatever else the header contains', () => {
  assert.deepEqual(readProxyHeader(proxyHeader({ addresses: ipv4 })), complete(28, '192.0.2.1'));
  assert.deepEqual(readProxyHeader(proxyHeader({ family: 0x21, addresses: ipv6 })), complete(52, '2001:db8::1'));
  assert.deepEqual(
    readProxyHeader(proxyHeader({ addresses: ipv4, tlvs: Buffer.concat([tlv, tlv]) })),
    complete(40, '192.0.2.1'),
  );
  assert.deepEqual(
    readProxyHeader(Buffer.concat([proxyHeader({ addresses: ipv4 }), Buffer.from('GET')])),
    complete(28, '192.0.2.1'),
  );
});

test('turns an IPv4 address in IPv6 form into IPv4', () => {
  const mapped = Buffer.concat([Buffer.from('00000000000000000000ffffc0000201', 'hex'), ipv6.subarray(16)]);
  assert.deepEqual(readProxyHeader(proxyHeader({ family: 0x21, addresses: mapped })), complete(52, '192.0.2.1'));
});

test('ignores the content of LOCAL: any family, any length', () => {
  for (const family of [0x00, 0x01, 0x11, 0x12, 0x21, 0x31, 0x41, 0xff]) {
    for (const length of [0, 1, 12, 36, 216, 4097, 65_535]) {
      const header = proxyHeader({ command: 0, family, addresses: Buffer.alloc(length, 0xff) });
      const what = `${family} ${length}`;
      assert.deepEqual(
        readProxyHeader(header),
        { kind: 'complete', bytes: 16 + length, source: { kind: 'proxy' } },
        what,
      );
      if (length > 0) assert.deepEqual(readProxyHeader(header.subarray(0, -1)), { kind: 'incomplete' }, what);
    }
  }
});

test('a client without an IP address is unknown, never the proxy', () => {
  for (const addresses of [Buffer.alloc(0), Buffer.alloc(5), ipv4]) {
    const header = readProxyHeader(proxyHeader({ family: 0, addresses }));
    assert.deepEqual(header, { kind: 'complete', bytes: 16 + addresses.length, source: { kind: 'unknown' } });
  }
  assert.deepEqual(readProxyHeader(proxyHeader({ family: 0x31, addresses: unix })), {
    kind: 'complete',
    bytes: 232,
    source: { kind: 'unknown' },
  });
});

test('waits for an incomplete header', () => {
  const whole = proxyHeader({ addresses: ipv4, tlvs: tlv });
  for (let bytes = 0; bytes < whole.length; bytes += 1) {
    assert.deepEqual(readProxyHeader(whole.subarray(0, bytes)), { kind: 'incomplete' }, String(bytes));
  }
});

test('rejects anything else as malformed, as early as possible', () => {
  const cases: [what: string, bytes: Buffer][] = [
    ['no header', Buffer.from('GET / HTTP/1.1\r\n')],
    ['no header, from the second byte', Buffer.from('\rG')],
    ['the text version', Buffer.from('PROXY TCP4 192.0.2.1 198.51.100.7 4660 80\r\n')],
    ['version 1', proxyHeader({ version: 1, addresses: ipv4 })],
    ['version 3', proxyHeader({ version: 3, addresses: ipv4 })],
    ['an unknown command', proxyHeader({ command: 2, addresses: ipv4 })],
    ['datagrams over IPv4', proxyHeader({ family: 0x12, addresses: ipv4 })],
    ['datagrams over IPv6', proxyHeader({ family: 0x22, addresses: ipv6 })],
    ['UNIX datagrams', proxyHeader({ family: 0x32, addresses: unix })],
    ['a transport without a family', proxyHeader({ family: 0x01, addresses: ipv4 })],
    ['a family without a transport', proxyHeader({ family: 0x10, addresses: ipv4 })],
    ['an unknown family', proxyHeader({ family: 0x41, addresses: ipv4 })],
    ['too little for IPv4', proxyHeader({ addresses: ipv4.subarray(1) })],
    ['too little for IPv6', proxyHeader({ family: 0x21, addresses: ipv6.subarray(1) })],
    ['too little for UNIX', proxyHeader({ family: 0x31, addresses: unix.subarray(1) })],
    [
      'more than any proxy sends',
      proxyHeader({ addresses: ipv4, tlvs: Buffer.from([4, 0x10, 0x01, ...Buffer.alloc(4097)]) }),
    ],
    ['a truncated TLV', proxyHeader({ addresses: ipv4, tlvs: Buffer.from([4, 0]) })],
    ['a TLV beyond the end', proxyHeader({ addresses: ipv4, tlvs: Buffer.from([4, 0, 2, 1]) })],
  ];
  for (const [what, bytes] of cases) assert.deepEqual(readProxyHeader(bytes), { kind: 'malformed' }, what);
});

test('no bytes make it throw, and a complete header lies within them', () => {
  const begun = proxyHeader({ addresses: ipv4 }).subarray(0, 12);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (bytes, signed) => {
      const received = signed ? Buffer.concat([begun, bytes]) : Buffer.from(bytes);
      const header = readProxyHeader(received);
      if (header.kind === 'complete') assert.ok(header.bytes >= 16 && header.bytes <= received.length);
    }),
  );
});
