import assert from 'node:assert/strict';
import { test } from 'node:test';
import { faultLines, loadText, warningLines } from '../../test/helpers/config.ts';

const key = 'auth: { keys: [{ id: one, key: "${KEY}" }] }\n';
const env = { KEY: 'a-secret-key' };

test('flags win over the environment, the environment over the file, the file over defaults', async (t) => {
  const text = `${key}gateway: { host: 0.0.0.0, port: 1000, queue: 7 }\n`;
  const result = await loadText(t, text, {
    env: { ...env, GATEWAY_PORT: '2000', GATEWAY_HOST: '::1' },
    flags: [{ name: '--port', path: ['gateway', 'port'], value: 3000 }],
  });
  assert.ok(result.ok);
  const { host, port, queue, maxInFlight } = result.config.gateway;
  assert.deepEqual({ host, port, queue, maxInFlight }, { host: '::1', port: 3000, queue: 7, maxInFlight: 2000 });
});

test('every fault of file, environment and secrets is told at once, each with its place', async (t) => {
  const text = 'gateway:\n  prot: 1\n  queue: -1\nauth: { keys: [{ id: one, key: "${NOT_SET}" }] }\n';
  const lines = faultLines(await loadText(t, text, { env: { GATEWAY_PORT: 'eighty' } }));
  assert.deepEqual(
    lines.map((line) => /^[^ ]+/.exec(line)?.[0]),
    ['gateway.yaml:2:3:', 'gateway.yaml:3:10:', 'gateway.yaml:4:32:', 'GATEWAY_PORT:'],
  );
  assert.match(lines[0] ?? '', /did you mean .*port/);
  assert.match(lines[2] ?? '', /NOT_SET/);
});

test('a section that comes with a later release is an error that says so', async (t) => {
  const [line = '', ...more] = faultLines(await loadText(t, `${key}cache: { enabled: true }\n`, { env }));
  assert.match(line, /^gateway\.yaml:2:1: cache comes with a later release/);
  assert.deepEqual(more, []);
});

test('a name that fits no setting is warned about, and what Kubernetes injects is recognised', async (t) => {
  const lines = warningLines(
    await loadText(t, key, {
      env: { ...env, GATEWAY_PROT: '1', GATEWAY_SERVICE_HOST: '10.0.0.1', PORTAL_PORT_80_TCP_ADDR: '10.0.0.2' },
    }),
  );
  assert.equal(lines.length, 2);
  assert.ok(lines.some((line) => line.startsWith('GATEWAY_PROT: ') && line.includes('did you mean GATEWAY_PORT?')));
  assert.ok(lines.some((line) => line.includes('Kubernetes') && line.includes('GATEWAY_SERVICE_HOST')));
});
