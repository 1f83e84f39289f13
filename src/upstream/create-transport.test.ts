import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startRelay } from '../../test/helpers/published-demo.ts';
import { PortalError } from '../portal/errors.ts';
import { createCredential } from '../portal/identity.ts';
import { connectTransport, createTransport } from './create-transport.ts';

const credential = createCredential();
const never = new AbortController().signal;

test('a transport that connects only once rejects with its failure and makes no second attempt', async () => {
  const url = 'ws://127.0.0.1:9/relay';
  const transport = createTransport({ url, credential, onceUntil: never });
  await assert.rejects(transport.ready(never), { code: 'relay_unreachable' });
  await assert.rejects(transport.list(never), { code: 'relay_unreachable' });
  assert.equal(transport.state(), 'down');
  await transport.close();
  await assert.rejects(transport.ready(never), { code: 'session_closed' });
});

test('a connected transport lists leases', async (t) => {
  const { url } = await startRelay(t);
  const transport = await connectTransport({ url, credential }, never);
  assert.equal(transport.state(), 'up');
  assert.deepEqual(await transport.list(never), []);
  await transport.close();
});

test('connecting ends when the signal aborts', async () => {
  const connecting = connectTransport({ url: 'ws://127.0.0.1:9/relay', credential }, AbortSignal.abort());
  await assert.rejects(connecting, { code: 'dial_aborted' });
});

for (const url of ['https://relay.test', 'http://relay.test', 'relay.test']) {
  test(`${url} is rejected as a relay URL`, async () => {
    await assert.rejects(
      connectTransport({ url, credential }, never),
      (error) => error instanceof PortalError && error.code === 'bad_relay_url',
    );
  });
}
