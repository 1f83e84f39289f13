import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { eventLine } from './event-line.ts';
import { terminalOn } from './terminal.ts';

test('writes results and notes as lines to separate streams, plain if not on a terminal', () => {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const terminal = terminalOn(stdout, stderr);
  terminal.result(terminal.style('bold', 'result'));
  terminal.note('note');
  assert.equal(String(stdout.read()), 'result\n');
  assert.equal(String(stderr.read()), 'note\n');
});

test('prints an event as one line and quotes ambiguous values', () => {
  const event = { event: 'lease_registered', connection: 3, leaseId: 'ABC', name: 'my "app"\n\u001b[2J' };
  assert.equal(eventLine(event), 'lease_registered connection=3 leaseId=ABC name="my \\"app\\"[2J"');
});
