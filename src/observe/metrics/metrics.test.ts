import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { test } from 'node:test';
import { systemClock } from '../../kernel/clock.ts';
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
import { allMetrics, createMetrics } from './metrics.ts';
import { processMetrics } from './process-metrics.ts';
import { MetricRegistry } from './registry.ts';

const relay = 'ws://relay.test';
const status: GatewayStatus = {
  relays: [{ relay, state: 'up', rttMs: 1 }],
  tunnels: [{ relay, leaseId: 'A', idle: 1, active: 2 }],
  limitsShared: true,
  certificates: [{ file: 'f', expiresMs: 1 }],
};

const guide = join(import.meta.dirname, '../../../docs/guides/observability.md');

/** Name, type, labels and meaning of every metric. */
async function declared(): Promise<string[][]> {
  const registry = new MetricRegistry('1', allMetrics, systemClock);
  registry.close();
  const ours = registry.families.map(({ options: { name, type, labels = [], help } }) => [
    ...[name, type, labels.join(', '), help],
  ]);
  const ofProcess = parseExposition(await processMetrics()).values();
  return [...ours, ...Array.from(ofProcess, ({ name, type, help }) => [name, type, '', help])];
}

/** The exposition after one event of most kinds. */
async function scrape(): Promise<Map<string, ParsedFamily>> {
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
  const documented = rows.map(([name, type, labels = '', meaning]) => [
    name,
    type,
    labels.replaceAll('`', ''),
    meaning,
  ]);
  assert.deepEqual(documented.sort(), (await declared()).sort());
});

test('a scrape shows every declared family with its type, labels and meaning', async () => {
  const labelsOf = ({ samples }: ParsedFamily, labels: string): string => {
    const names = new Set(samples.flatMap((sample) => Object.keys(sample.labels)));
    names.delete('le');
    return names.size === 0 ? labels : [...names].join(', ');
  };
  const families = await scrape();
  const all = await declared();
  assert.deepEqual(
    Array.from(families.values(), (family) => {
      const labels = all.find(([name]) => name === family.name)?.[2] ?? '';
      return [family.name, family.type, labelsOf(family, labels), family.help];
    }),
    all,
  );
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
  await scrape();
  for (const channel of [authenticated, requestRefused, dialFinished, tlsHandshakeFailed, logDropped, configReloaded])
    assert.equal(channel.hasSubscribers, false);
});
