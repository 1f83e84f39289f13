import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { eventLine } from './event-line.ts';
import { terminalOn } from './terminal.ts';

test('results and notes are lines on streams of their own, and plain where nobody looks', () => {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const terminal = terminalOn(stdout, stderr);
  terminal.result(terminal.style('bold', 'result'));
  terminal.note('note');
  assert.equal(String(stdout.read()), 'result\n');
  assert.equal(String(stderr.read()), 'note\n');
});

test('an event is one line, its values quoted where they could be mistaken', () => {
  const event = { event: 'lease_registered', connection: 3, leaseId: 'ABC', name: 'my "app"\n\u001b[2J' };
  assert.equal(eventLine(event), 'lease_registered connection=3 leaseId=ABC name="my \\"app\\"[2J"');
});
