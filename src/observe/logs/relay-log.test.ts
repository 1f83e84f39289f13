import assert from 'node:assert/strict';
import { test } from 'node:test';
import { relayChanged, type RelayChanged } from '../../kernel/events.ts';
import { createLogger } from './log.ts';
import { writeRelayLog } from './relay-log.ts';

test('logs one warning per reason for an unreachable relay, and again after it was connected', (t) => {
  const lines: Record<string, unknown>[] = [];
  t.after(writeRelayLog(createLogger('info', (line) => lines.push(JSON.parse(line) as Record<string, unknown>))));
  const relay = 'ws://relay.test';
  const failed = (code: string): RelayChanged => ({
    event: 'attempt_failed',
    relay,
    code,
    reason: code,
    retryInMs: 1.4,
  });
  for (const code of ['relay_unreachable', 'relay_unreachable', 'not_a_relay', 'not_a_relay']) {
    relayChanged.publish(failed(code));
  }
  relayChanged.publish({ event: 'connected', relay });
  relayChanged.publish({ event: 'lost', relay, code: 'carrier_closed', reason: 'gone' });
  relayChanged.publish(failed('not_a_relay'));
  assert.deepEqual(
    lines.map(({ level, code, message }) => [level, code, message]),
    [
      ['warn', 'relay_unreachable', 'cannot connect to the relay; retrying'],
      ['warn', 'not_a_relay', 'cannot connect to the relay; retrying'],
      ['info', undefined, 'relay connected'],
      ['warn', 'carrier_closed', 'relay lost'],
      ['warn', 'not_a_relay', 'cannot connect to the relay; retrying'],
    ],
  );
  assert.equal(lines[0]?.['retry_ms'], 1);
});
