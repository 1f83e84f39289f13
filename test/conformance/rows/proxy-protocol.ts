// gateway.proxy_protocol: a trusted proxy, here 127.0.0.1, sends the client's address in a PROXY
// protocol version 2 header. A connection that does not start with one is closed without a
// response.
import { proxyHeader, proxyHeaderFor } from '../../helpers/proxy-header.ts';
import { app, get, receivesOk } from '../phrases.ts';
import type { Row, Topic } from '../row.ts';

const good = latin1(proxyHeaderFor('203.0.113.9'));
const ipv4 = Buffer.from([203, 0, 113, 9, 198, 51, 100, 7, 0x12, 0x67, 0, 80]);

function latin1(bytes: Buffer): string {
  return bytes.toString('latin1');
}

function closed(name: string, send: string): Row {
  return { name, send, client: { responses: [], then: 'closed' } };
}

function from(name: string, preface: string, client: string): Row {
  return {
    name,
    send: preface + get(),
    app: app({ line: 'GET /', added: [`X-Forwarded-For: ${client}`] }),
    client: receivesOk,
  };
}

export const proxyProtocol: Topic = {
  title: 'PROXY protocol',
  setup: 'proxied',
  rows: [
    from('the header names the client', good, '203.0.113.9'),
    from('an IPv6 client', latin1(proxyHeader({ family: 0x21, addresses: ipv6() })), '2001:db8::9'),
    from(
      'with extensions',
      latin1(proxyHeader({ addresses: ipv4, tlvs: Buffer.from([4, 0, 2, 1, 2]) })),
      '203.0.113.9',
    ),
    from(
      'LOCAL, a connection of the proxy itself',
      latin1(proxyHeader({ command: 0, family: 0, addresses: Buffer.alloc(0) })),
      '127.0.0.1',
    ),
    {
      name: 'in pieces',
      send: [good.slice(0, 5), good.slice(5, 17), good.slice(17), get()],
      app: app({ line: 'GET /', added: ['X-Forwarded-For: 203.0.113.9'] }),
      client: receivesOk,
    },
    {
      name: 'headers from the client itself are not believed',
      send: good + get('/', 'X-Forwarded-For: forged', 'X-Forwarded-Proto: forged'),
      app: app({ line: 'GET /', added: ['X-Forwarded-For: 203.0.113.9', 'X-Forwarded-Proto: http'] }),
      client: receivesOk,
    },
    closed('none', get()),
    closed('version 1', `PROXY TCP4 203.0.113.9 198.51.100.7 4711 80\r\n${get()}`),
    closed('an unknown version', latin1(proxyHeader({ version: 3, addresses: ipv4 })) + get()),
    closed('an unknown command', latin1(proxyHeader({ command: 5, addresses: ipv4 })) + get()),
    closed('addresses that are too short', latin1(proxyHeader({ addresses: ipv4.subarray(0, 8) })) + get()),
    closed('a signature with a wrong byte', good.replace('QUIT', 'QUIET') + get()),
  ],
};

function ipv6(): Buffer {
  const addresses = Buffer.alloc(36);
  addresses.set([0x20, 0x01, 0x0d, 0xb8], 0);
  addresses[15] = 9;
  addresses.set([0x20, 0x01, 0x0d, 0xb8], 16);
  addresses[31] = 1;
  addresses.writeUInt16BE(4711, 32);
  addresses.writeUInt16BE(80, 34);
  return addresses;
}
