import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import process from 'node:process';
import { test } from 'node:test';
import { systemClock } from '../../kernel/clock.ts';
import { testPolicy } from '../../../test/helpers/policy.ts';
import { Listener } from './listener.ts';

/** On Linux all of 127.0.0.0/8 is local. */
const skip = process.platform === 'linux' ? false : 'needs several loopback addresses';

test('serves every address of a host name until the end', { skip }, async (t) => {
  const policy = testPolicy();
  const addresses = ['127.0.0.1', '127.0.0.2'];
  const listener = new Listener({
    host: 'gateway.test',
    port: 0,
    lookup: () => Promise.resolve(addresses),
    policy: () => policy,
    clock: systemClock,
    proxyProtocol: false,
    onConnection: (socket) => socket.write('hello'),
  });
  t.after(() => {
    listener.cut();
    return listener.emptied();
  });
  const { port } = await listener.listen();
  for (const address of addresses) await once(connect(port, address), 'data');
  assert.equal(listener.connections, addresses.length);
  listener.cut();
  await listener.emptied();
  for (const address of addresses) await assert.rejects(once(connect(port, address), 'connect'), /ECONNREFUSED/);
});
