import assert from 'node:assert/strict';
import { test } from 'node:test';
import { printable, printableJson } from './printable.ts';

const hostile = 'a\u001b[31mred\u0007\r\nb\u009b2J\u202ec\u200bd\u{e0041}\ud800é日😀';

test('untrusted text loses characters that move the cursor, hide or reorder, and keeps the readable ones', () => {
  assert.equal(printable(hostile), 'a[31mredb2Jcdé日😀');
  assert.equal(printable('x'.repeat(50), 10), 'xxxxxxxxx…');
});

test('as JSON, the same text is escaped instead of changed', () => {
  const json = printableJson({ hostile });
  assert.match(json, /^[\x20-\x7eé日😀]+$/u);
  assert.deepEqual(JSON.parse(json), { hostile });
});
