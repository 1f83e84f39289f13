import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLogger } from './log.ts';

type Line = Record<string, unknown>;

function record(): { raw: string[]; lines: () => Line[]; log: ReturnType<typeof createLogger> } {
  const raw: string[] = [];
  return {
    raw,
    lines: () => raw.map((line) => JSON.parse(line) as Line),
    log: createLogger('info', (line) => raw.push(line)),
  };
}

test('a line has the fields of the product contract, and none about the machine', () => {
  const { lines, log } = record();
  log.debug('not this');
  log.info({ relay: 'ws://relay.test' }, 'hello');
  assert.equal(lines().length, 1);
  const { timestamp, ...rest } = lines()[0] ?? {};
  assert.deepEqual(rest, { level: 'info', relay: 'ws://relay.test', message: 'hello' });
  assert.match(String(timestamp), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
});

test('escapes characters that move the cursor or hide text, without loss', () => {
  const { raw, lines, log } = record();
  const reason = 'a\u001b[2J\u009b31m\u202eb\nc\u200b한';
  log.warn({ reason }, 'relay lost');
  assert.match(raw[0] ?? '', /^[\x20-\x7e한]+$/);
  assert.equal(lines()[0]?.['reason'], reason);
});

test('the level can be changed at run time', () => {
  const { lines, log } = record();
  log.level = 'error';
  log.warn('not this');
  log.level = 'debug';
  log.debug('this');
  assert.deepEqual(
    lines().map(({ message }) => message),
    ['this'],
  );
});
