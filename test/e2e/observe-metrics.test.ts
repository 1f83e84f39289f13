// /metrics after requests through a whole gateway.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import { configReloaded } from '../../src/kernel/events.ts';
import type { GatewayStatus } from '../../src/kernel/http/status.ts';
import { createMetrics } from '../../src/observe/metrics/metrics.ts';
import { parseExposition, valueOf, type ParsedFamily } from '../helpers/exposition.ts';
import { auth, key, startPlainGateway, type PlainGateway } from '../helpers/plain-gateway.ts';
import { startCli, temporaryDirectory } from '../helpers/cli.ts';
import { handedOver } from '../helpers/scripted-app.ts';

interface Measured extends PlainGateway {
  readonly read: () => Promise<Map<string, ParsedFamily>>;
}

async function startMeasured(t: TestContext, serve: RequestListener, dialMs = 5_000): Promise<Measured> {
  let status = (): GatewayStatus => ({ relays: [], tunnels: [], certificates: [] });
  const metrics = createMetrics({ version: '1.2.3', status: () => status() });
  t.after(() => {
    metrics.close();
  });
  const started = await startPlainGateway(t, serve, { timeouts: { dialMs } });
  status = () => started.gateway.status();
  return { ...started, read: async () => parseExposition((await metrics.text()).body) };
}

const leaseId = 'APPAAAAAAAAAAAAAAAAAAAAAAA';
const relay = 'plain://test';

test('requests, errors, dials and tunnels', async (t) => {
  const { call, read, transport } = await startMeasured(t, (_, response) => response.end('answer'));
  transport.rttMs = 2;
  transport.publish({ name: 'closed', port: 1 });
  await call('/peer/app/');
  await call('/peer/app/', { method: 'DELETE' });
  await call('/peer/app/', { headers: [] });
  await call('/peer/none/');
  await call('/peer/closed/');
  const families = await read();
  const value = (name: string, labels = {}): number | undefined => valueOf(families, `portal_gateway_${name}`, labels);
  const of = { path: '/peer/:lease/*', lease_id: leaseId };
  assert.equal(value('requests_total', { ...of, method: 'GET', status: '200', tenant: '' }), 1);
  assert.equal(value('requests_total', { ...of, method: 'DELETE', status: '200' }), 1);
  assert.equal(value('requests_total', { lease_id: 'unknown', status: '401' }), 1);
  assert.equal(value('requests_total', { lease_id: 'unknown', status: '404' }), 1);
  assert.equal(value('request_duration_seconds_count', { ...of, method: 'GET' }), 1);
  assert.equal(value('upstream_duration_seconds_count'), 2);
  assert.equal(value('errors_total', { type: 'missing_credentials' }), 1);
  assert.equal(value('errors_total', { type: 'lease_unreachable' }), 1);
  assert.equal(value('active_requests'), 0);
  assert.equal(value('portal_connected', { relay }), 1);
  assert.equal(value('relay_rtt_seconds', { relay }), 0.002);
  assert.equal(value('portal_dials_total', { relay, outcome: 'ok' }), 1);
  // The relay lists the lease but does not know it: it is looked up again and dialled once more.
  assert.equal(value('portal_dials_total', { relay, outcome: 'lease_unreachable' }), 2);
  assert.equal(value('portal_dial_duration_seconds_count', { relay }), 1);
  assert.equal(value('tunnels', { lease_id: leaseId, state: 'idle' }), 1);
  assert.equal(value('tunnels', { lease_id: leaseId, state: 'active' }), 0);
});

test('counts active requests, and streams separately', async (t) => {
  const app = handedOver();
  const { app: server, port, open, read } = await startMeasured(t, app.serve);
  const opened = open('/peer/app/');
  const [, response] = await app.next();
  assert.equal(valueOf(await read(), 'portal_gateway_active_requests'), 1);
  assert.equal(valueOf(await read(), 'portal_gateway_tunnels', { lease_id: leaseId, state: 'active' }), 1);
  response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n');
  const message = await opened;
  new WebSocketServer({ server });
  const client = new WebSocket(`ws://127.0.0.1:${port}/peer/app/`, { headers: { 'x-api-key': key } });
  await once(client, 'open');
  const during = await read();
  assert.equal(valueOf(during, 'portal_gateway_active_requests'), 0);
  assert.equal(valueOf(during, 'portal_gateway_active_streams', { kind: 'sse' }), 1);
  assert.equal(valueOf(during, 'portal_gateway_active_streams', { kind: 'websocket' }), 1);
  response.end();
  message.resume();
  client.close();
  await Promise.all([once(message, 'end'), once(client, 'close')]);
  let after = await read();
  while (valueOf(after, 'portal_gateway_active_streams', { kind: 'websocket' }) !== 0) {
    await new Promise((resolve) => setImmediate(resolve));
    after = await read();
  }
  assert.equal(valueOf(after, 'portal_gateway_active_streams', { kind: 'sse' }), 0);
  assert.equal(valueOf(after, 'portal_gateway_active_requests'), 0);
});

test('counts a dial that took too long as a timeout, and an unwanted one as aborted', async (t) => {
  const { call, raw, read, transport } = await startMeasured(t, (_, response) => response.end(), 500);
  const asked: AbortSignal[] = [];
  let wake: (() => void) | undefined;
  transport.dialInstead = (signal) => {
    asked.push(signal);
    wake?.();
    return new Promise((_, reject) => {
      signal.addEventListener('abort', () => {
        reject(signal.reason as Error);
      });
    });
  };
  const dialled = new Promise<void>((resolve) => (wake = resolve));
  const socket = raw(`GET /peer/app/ HTTP/1.1\r\nHost: x\r\nX-API-Key: ${key}\r\n\r\n`);
  await dialled;
  socket.destroy();
  await once(asked[0] ?? assert.fail(), 'abort');
  const { status } = await call('/peer/app/', { headers: auth });
  assert.equal(status, 504);
  const families = await read();
  assert.equal(valueOf(families, 'portal_gateway_portal_dials_total', { relay, outcome: 'aborted' }), 1);
  assert.equal(valueOf(families, 'portal_gateway_portal_dials_total', { relay, outcome: 'dial_timeout' }), 1);
});

test('counts a lost relay', async (t) => {
  const { read, transport } = await startMeasured(t, (_, response) => response.end());
  for (const [state, connected] of [
    ['down', 0],
    ['suspect', 1],
    ['up', 1],
  ] as const) {
    transport.current = state;
    assert.equal(valueOf(await read(), 'portal_gateway_portal_connected', { relay }), connected);
  }
});

test('the gateway and its process', async (t) => {
  const { read } = await startMeasured(t, (_, response) => response.end());
  assert.equal(valueOf(await read(), 'portal_gateway_config_reloads_total', { outcome: 'rejected' }), 0);
  configReloaded.publish({ outcome: 'rejected' });
  const families = await read();
  assert.equal(valueOf(families, 'portal_gateway_config_reloads_total', { outcome: 'rejected' }), 1);
  assert.equal(valueOf(families, 'portal_gateway_build_info', { version: '1.2.3' }), 1);
  assert.equal(valueOf(families, 'portal_gateway_log_dropped_total'), 0);
  for (const name of ['portal_gateway_event_loop_lag_seconds', 'process_cpu_seconds_total', 'process_open_fds']) {
    assert.ok((valueOf(families, name) ?? -1) >= 0, name);
  }
  assert.ok((valueOf(families, 'process_resident_memory_bytes') ?? 0) > 1_000_000);
  const startedSeconds = valueOf(families, 'process_start_time_seconds') ?? 0;
  assert.ok(Date.now() / 1000 - startedSeconds < 3_600 && startedSeconds < Date.now() / 1000);
});

test('`start` serves them, and a reload can disable them', async (t) => {
  const directory = await temporaryDirectory(t);
  const file = join(directory, 'gateway.yaml');
  const configured = async (enabled: boolean): Promise<void> =>
    writeFile(file, `metrics: { enabled: ${enabled} }\nportal: { relay_url: ws://127.0.0.1:1/relay }\n`);
  await configured(true);
  const cli = startCli(t, ['start', '--port', '0', '--config', file], { XDG_STATE_HOME: directory });
  const [, url = ''] = await cli.line(/"url":"(http:[^"]+)".*"message":"listening"/);
  await cli.line(/cannot connect to the relay/);
  await (await fetch(`${url}/nothing`)).text();
  const response = await fetch(`${url}/metrics`);
  assert.equal(response.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
  const families = parseExposition(await response.text());
  assert.equal(valueOf(families, 'portal_gateway_requests_total', { path: 'other', status: '404' }), 1);
  assert.equal(valueOf(families, 'portal_gateway_portal_connected', { relay: 'ws://127.0.0.1:1/relay' }), 0);
  await configured(false);
  await cli.line(/"message":"configuration reloaded"/);
  const off = await fetch(`${url}/metrics`);
  await off.text();
  assert.equal(off.status, 404);
  await writeFile(file, 'metrics: { enabled: perhaps }\n');
  await cli.line(/"message":"configuration rejected/);
  await configured(true);
  await cli.line(/(configuration reloaded[^]*){2}/);
  const again = parseExposition(await (await fetch(`${url}/metrics`)).text());
  assert.equal(again.get('portal_gateway_requests_total')?.samples.length, 0);
  assert.ok(cli.stdout().includes('"path":"/nothing","status":404'));
});
