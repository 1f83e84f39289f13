import assert from 'node:assert/strict';
import { test } from 'node:test';
import { printable, printableJson } from './printable.ts';

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
