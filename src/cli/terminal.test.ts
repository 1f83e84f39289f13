import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { eventLine } from './event-line.ts';
import { printable, printableJson, terminalOn } from './terminal.ts';

test('results and notes are lines on streams of their own, and plain where nobody looks', () => {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const terminal = terminalOn(stdout, stderr);
  terminal.result(terminal.style('bold', 'result'));
  terminal.note('note');
  assert.equal(String(stdout.read()), 'result\n');
  assert.equal(String(stderr.read()), 'note\n');
});

const hostile = 'a\u001b[31mred\u0007\r\nb\u009b2J\u202ec\u200bd\u{e0041}\ud800é日😀';

test('text of strangers loses what moves the cursor, hides or reorders, and keeps what can be read', () => {
  assert.equal(printable(hostile), 'a[31mredb2Jcdé日😀');
  assert.equal(printable('x'.repeat(50), 10), 'xxxxxxxxx…');
});

test('the same text as JSON is escaped, not changed', () => {
  const json = printableJson({ hostile });
  assert.match(json, /^[\x20-\x7eé日😀]+$/u);
  assert.deepEqual(JSON.parse(json), { hostile });
});

test('an event is one line, its values quoted where they could be mistaken', () => {
  const event = { event: 'lease_registered', connection: 3, leaseId: 'ABC', name: 'my "app"\n\u001b[2J' };
  assert.equal(eventLine(event), 'lease_registered connection=3 leaseId=ABC name="my \\"app\\"[2J"');
});
