// A gateway that `expose --allow-client` rejects: its callers and the owner of the app learn why.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { createGateway } from '../../src/gateway/gateway.ts';
import { createCredential } from '../../src/portal/index.ts';
import { createTransport } from '../../src/upstream/create-transport.ts';
import { startCli, temporaryDirectory } from '../helpers/cli.ts';
import { key, testPolicy } from '../helpers/policy.ts';
import { startRelay } from '../helpers/relay-bench.ts';

/** Starts a gateway that calls the lease `app` and returns the status and code of the problem. */
async function startGateway(
  t: TestContext,
  url: string,
): Promise<{ id: string; call: () => Promise<[status: number | undefined, code: string]> }> {
  const credential = createCredential();
  const transport = createTransport({ url, credential });
  await transport.ready(AbortSignal.timeout(20_000));
  const gateway = createGateway({ host: '127.0.0.1', port: 0, policy: testPolicy({}), transports: [transport] });
  t.after(() => gateway.close());
  const { port } = await gateway.listen();
  return {
    id: credential.id,
    call: async () => {
      const headers = { 'x-api-key': key };
      const outgoing = request({ host: '127.0.0.1', port, path: '/peer/app/', agent: false, headers }).end();
      const [message] = (await once(outgoing, 'response')) as [IncomingMessage];
      return [message.statusCode, (JSON.parse(await text(message)) as { code: string }).code];
    },
  };
}

test('callers get 502 client_not_admitted, and expose names the gateway once', async (t) => {
  const { url } = await startRelay(t);
  const admitted = createCredential();
  const args = ['expose', '1', '--name', 'app', '--relay', url, '--allow-client', admitted.id];
  const expose = startCli(t, args, { XDG_STATE_HOME: await temporaryDirectory(t) });
  await expose.line(/^app [A-Z2-7]{26} ws:/m);
  const { id, call } = await startGateway(t, url);
  for (let i = 0; i < 3; i += 1) assert.deepEqual(await call(), [502, 'client_not_admitted']);
  await expose.note(new RegExp(`^Refused the client ${id}: --allow-client does not list it\\.$`, 'm'));
  expose.child.kill('SIGINT');
  assert.equal(await expose.exited, 0);
  assert.equal(expose.stderr().split(id).length, 2, expose.stderr());
  assert.match(expose.stderr(), /^Its lease is [A-Z2-7]{26}\. Only gateways that --allow-client lists serve it at /m);
});

test('without a dedicated code, does not reveal whether relay or app rejected', async (t) => {
  const bench = await startRelay(t);
  const app = await bench.peer();
  await app.register({ name: 'app' });
  const { call } = await startGateway(t, bench.url);
  for (const [code, expected] of [
    [6, 'lease_unreachable'],
    [63, 'lease_unreachable'],
    [64, 'client_not_admitted'],
    [66, 'lease_unreachable'],
  ] as const) {
    const [response] = await Promise.all([call(), app.respond(code)]);
    assert.deepEqual(response, [502, expected], `code ${code}`);
  }
});
