// A gateway that never received a lease list is not ready, and reports why.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { leaseListFailed, listen } from '../../src/kernel/events.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { createMetrics } from '../../src/observe/metrics/metrics.ts';
import { createLogger } from '../../src/observe/logs/log.ts';
import { writeLeaseLog } from '../../src/observe/logs/lease-log.ts';
import { startPlainGateway } from '../helpers/plain-gateway.ts';

interface Details {
  readonly lease_lists: readonly { readonly leases?: number; readonly ignored: object; readonly error?: string }[];
}

test('readiness waits for the first lease list, which is requested without a client', async (t) => {
  const lines: Record<string, unknown>[] = [];
  t.after(
    writeLeaseLog(
      createLogger('info', (line) => lines.push(JSON.parse(line) as Record<string, unknown>)),
      systemClock,
    ),
  );
  const failures: string[] = [];
  t.after(listen(leaseListFailed, ({ reason }) => failures.push(reason)));
  const { gateway, transport, call } = await startPlainGateway(t, (_, response) => response.end('ok'));
  const metrics = createMetrics({ version: '0', status: () => gateway.status() });
  t.after(() => {
    metrics.close();
  });
  transport.listsAfter = Promise.reject(new Error('the list is too long for this relay'));
  transport.listsAfter.catch(() => undefined);
  const details = async (): Promise<Details> => JSON.parse((await call('/health/details')).text) as Details;

  while (failures.length < 2) {
    const { status, text } = await call('/health/ready');
    assert.equal(status, 503);
    assert.deepEqual(JSON.parse(text), { status: 'not_ready', reason: 'no_lease_list' });
  }
  assert.equal((await details()).lease_lists[0]?.error, 'the list is too long for this relay');
  const { body } = await metrics.text();
  assert.match(body, /lease_list_failures_total\{relay="plain:\/\/test"\} [2-9]/);

  transport.publish({ name: 'A'.repeat(26), id: 'B'.repeat(26), port: 1 });
  transport.listsAfter = undefined;
  while ((await call('/health/ready')).status !== 200);
  assert.deepEqual((await details()).lease_lists, [{ relay: 'plain://test', leases: 1, ignored: { name_is_id: 1 } }]);
  assert.match((await metrics.text()).body, /lease_list_ignored_total\{relay="plain:\/\/test",reason="name_is_id"\} 1/);
  // One log line for each new state, not for each attempt.
  assert.deepEqual(
    lines.map(({ level, message }) => [level, message]),
    [
      ['warn', 'cannot fetch the lease list of the relay; the last one stays in use'],
      ['info', 'lease list of the relay fetched again'],
      ['warn', 'entries in the lease list of the relay are ignored'],
    ],
  );
});
