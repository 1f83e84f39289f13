// Builds PROXY protocol version 2 headers for tests: valid ones, and ones with an invalid value in
// any field.

export interface ProxyHeaderParts {
  readonly version?: number;
  readonly command?: number;
  readonly family?: number;
  readonly addresses: Buffer;
  readonly tlvs?: Buffer;
}

export function proxyHeader(parts: ProxyHeaderParts): Buffer {
  const { version = 2, command = 1, family = 0x11, addresses, tlvs = Buffer.alloc(0) } = parts;
  const fixed = Buffer.from('\r\n\r\n\0\r\nQUIT\n    ', 'latin1');
  fixed.writeUInt8((version << 4) | command, 12);
  fixed.writeUInt8(family, 13);
  fixed.writeUInt16BE(addresses.length + tlvs.length, 14);
  return Buffer.concat([fixed, addresses, tlvs]);
}

/** The header for a client over IPv4. */
export function proxyHeaderFor(ip: string, port = 4711): Buffer {
  const addresses = Buffer.alloc(12);
  addresses.set(ip.split('.').map(Number));
  addresses.set([198, 51, 100, 7], 4);
  addresses.writeUInt16BE(port, 8);
  addresses.writeUInt16BE(80, 10);
  return proxyHeader({ addresses });
}

/** The header for a client over IPv6; `ip` must have all eight groups. */
export function proxyHeaderFor6(ip: string, port = 4711): Buffer {
  const addresses = Buffer.alloc(36);
  for (const [i, group] of ip.split(':').entries()) addresses.writeUInt16BE(Number.parseInt(group, 16), 2 * i);
  addresses.writeUInt16BE(port, 32);
  addresses.writeUInt16BE(80, 34);
  return proxyHeader({ family: 0x21, addresses });
}
