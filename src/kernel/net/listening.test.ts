import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import process from 'node:process';
import { test, type TestContext } from 'node:test';
import { listenOnEvery } from './listening.ts';

/** An address that this machine does not have (RFC 5737). */
const foreign = '192.0.2.1';
/** Linux accepts all of 127.0.0.0/8. */
const skip = process.platform === 'linux' ? false : 'needs several loopback addresses';

async function listened(t: TestContext, addresses: readonly string[], port = 0): Promise<readonly AddressInfo[]> {
  const created: Server[] = [];
  const create = (): Server => {
    const server = createServer((socket) => socket.end('hello'));
    created.push(server);
    t.after(() => server.close());
    return server;
  };
  try {
    const servers = await listenOnEvery(
      { host: 'gateway.test', port, lookup: () => Promise.resolve(addresses) },
      create,
    );
    return servers.map((server) => server.address() as AddressInfo);
  } catch (error) {
    assert.ok(created.every((server) => !server.listening));
    throw error;
  }
}

test('listens on every address of a host name, on one port', { skip }, async (t) => {
  const addresses = ['127.0.0.1', '127.0.0.2', '127.0.0.1'];
  const listening = await listened(t, addresses);
  const port = listening[0]?.port ?? 0;
  assert.deepEqual(
    listening.map(({ address, port: own }) => [address, own]),
    [
      ['127.0.0.1', port],
      ['127.0.0.2', port],
    ],
  );
  for (const { address } of listening) {
    const [data] = (await once(connect(port, address), 'data')) as [Buffer];
    assert.equal(data.toString(), 'hello');
  }
});

test('skips addresses that this machine does not have, unless there is no other', async (t) => {
  const listening = await listened(t, [foreign, '127.0.0.1']);
  assert.deepEqual(
    listening.map(({ address }) => address),
    ['127.0.0.1'],
  );
  await assert.rejects(listened(t, [foreign]), { code: 'EADDRNOTAVAIL' });
});

test('fails and closes all servers if the port is in use on one of the addresses', { skip }, async (t) => {
  const [{ port } = { port: 0 }] = await listened(t, ['127.0.0.2']);
  await assert.rejects(listened(t, ['127.0.0.1', '127.0.0.2'], port), { code: 'EADDRINUSE' });
});
