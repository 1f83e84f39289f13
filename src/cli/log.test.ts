import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PortalError, type PortalErrorCode, type RelayClientEvent } from '../portal/index.ts';
import { createLog, relayEventLog } from './log.ts';

type Line = Record<string, unknown>;

function record(): { lines: Line[]; log: ReturnType<typeof createLog> } {
  const lines: Line[] = [];
  return { lines, log: createLog('info', { write: (line) => lines.push(JSON.parse(line) as Line) }) };
}

test('a line has the fields of the product contract, and none of the machine', () => {
  const { lines, log } = record();
  log.debug('not this');
  log.info({ relay: 'ws://relay.test' }, 'hello');
  assert.equal(lines.length, 1);
  const { timestamp, ...rest } = lines[0] ?? {};
  assert.deepEqual(rest, { level: 'info', relay: 'ws://relay.test', message: 'hello' });
  assert.match(String(timestamp), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
});

test('a relay that stays away is one warning for each reason, and again after it was there', () => {
  const { lines, log } = record();
  const relay = 'ws://relay.test';
  const note = relayEventLog(log);
  const failed = (code: PortalErrorCode): RelayClientEvent => ({
    type: 'attempt_failed',
    relay,
    error: new PortalError(code, code),
    retryInMs: 1,
  });
  for (const code of ['relay_unreachable', 'relay_unreachable', 'not_a_relay', 'not_a_relay'] as const)
    note(failed(code));
  note({ type: 'up', relay });
  note({ type: 'down', relay, error: new PortalError('carrier_closed', 'gone') });
  note(failed('not_a_relay'));
  assert.deepEqual(
    lines.map(({ level, code }) => [level, code]),
    [
      ['warn', 'relay_unreachable'],
      ['warn', 'not_a_relay'],
      ['info', undefined],
      ['warn', 'carrier_closed'],
      ['warn', 'not_a_relay'],
    ],
  );
});
