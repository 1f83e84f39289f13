import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { test } from 'node:test';
import { parseExposition, type ParsedFamily } from '../../../test/helpers/exposition.ts';
import { GatewayError } from '../../kernel/errors/gateway-error.ts';
import {
  authenticated,
  clockCompared,
  configReloaded,
  connectionRefused,
  dialFinished,
  leasesListed,
  llmUsage,
  logDropped,
  rateLimited,
  requestRefused,
  tlsHandshakeFailed,
} from '../../kernel/events.ts';
import type { GatewayStatus } from '../../kernel/http/status.ts';
import { createMetrics } from './metrics.ts';

const relay = 'ws://relay.test';
const status: GatewayStatus = {
  relays: [{ relay, state: 'up', rttMs: 1 }],
  tunnels: [{ relay, leaseId: 'A', idle: 1, active: 2 }],
  limitsShared: true,
  certificates: [{ file: 'f', expiresMs: 1 }],
};

const guide = join(import.meta.dirname, '../../../docs/guides/observability.md');

/** Every family, with at least one sample to show its labels. */
async function allFamilies(): Promise<Map<string, ParsedFamily>> {
  const metrics = createMetrics({ version: '1', status: () => status });
  const error = new GatewayError('invalid_request', 'x');
  requestRefused.publish({ requestId: 'r', clientIp: '192.0.2.1', error });
  clockCompared.publish({ relay, leaseId: undefined, skewSeconds: -40 });
  dialFinished.publish({ relay, leaseId: 'A', outcome: 'ok', durationMs: 1 });
  leasesListed.publish({ relay, leases: 1, ignored: new Map([['bad_id', 1]]) });
  tlsHandshakeFailed.publish({ ip: '192.0.2.1', code: 'ERR_SSL_HTTP_REQUEST' });
  connectionRefused.publish({ ip: '192.0.2.1', reason: 'max_connections' });
  logDropped.publish({ lines: 2 });
  configReloaded.publish({ outcome: 'applied' });
  authenticated.publish({ method: 'api_key', outcome: 'success' });
  rateLimited.publish({ level: 'key' });
  const tokens = { input: 1, cache_read: 0, cache_write: 0, output: 0, reasoning: 0 };
  const usage = { requestId: 'r', keyId: 'k', leaseId: 'A', reported: tokens, estimated: tokens, unread: undefined };
  llmUsage.publish({ ...usage, unknown: 'estimated', suspicious: true });
  const { body, contentType } = await metrics.text();
  metrics.close();
  metrics.close();
  assert.equal(contentType, 'text/plain; version=0.0.4; charset=utf-8');
  return parseExposition(body);
}

test('the guide describes every metric: name, type, labels, meaning', async () => {
  const rows = (await readFile(guide, 'utf8'))
    .split('\n')
    .map((line) => line.split('|').map((cell) => cell.trim()))
    .filter(([, name = '', type = '']) => /^`\w+`$/.test(name) && /^(?:counter|gauge|histogram)$/.test(type))
    .map(([, name = '', ...cells]) => [name.slice(1, -1), ...cells])
    // Only Linux reports these.
    .filter(([name]) => process.platform === 'linux' || name?.endsWith('_fds') !== true);
  const told = rows.map(([name, type, labels = '', meaning]) => [name, type, labels.replaceAll('`', ''), meaning]);
  const families = [...(await allFamilies()).values()].map(({ name, type, help, samples }) => {
    const labels = Object.keys(samples[0]?.labels ?? {}).filter((label) => label !== 'le');
    return [name, type, labels.join(', '), help];
  });
  assert.deepEqual(told.sort(), families.sort());
});

test('counts callers by credential type and outcome', async () => {
  const metrics = createMetrics({ version: '1', status: () => status });
  authenticated.publish({ method: 'api_key', outcome: 'success' });
  authenticated.publish({ method: 'api_key', outcome: 'success' });
  authenticated.publish({ method: 'none', outcome: 'missing_credentials' });
  const { body } = await metrics.text();
  metrics.close();
  assert.match(body, /^portal_gateway_auth_total\{method="api_key",outcome="success"\} 2$/m);
  assert.match(body, /^portal_gateway_auth_total\{method="none",outcome="missing_credentials"\} 1$/m);
});

test('has no subscriber after close()', async () => {
  await allFamilies();
  for (const channel of [authenticated, requestRefused, dialFinished, tlsHandshakeFailed, logDropped, configReloaded])
    assert.equal(channel.hasSubscribers, false);
});
