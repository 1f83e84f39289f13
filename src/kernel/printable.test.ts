import assert from 'node:assert/strict';
import { test } from 'node:test';
import { distinctName, printable, printableJson } from './printable.ts';

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

test('names that differ are shown differently, and readable ones as they are', () => {
  const readable = ['closed', 'größe', '日本', 'my app', 'x…', "it's"];
  for (const name of readable) assert.equal(distinctName(name), name);
  const likeClosed = [
    '\u200b',
    '\u00ad',
    '\ufe0f',
    '\u034f',
    '\u3164',
    '\u2060',
    '\u{e0041}',
    '\n',
    ' ',
    '\u00a0',
    '\u2800',
  ];
  const names = likeClosed.flatMap((hidden) => [`closed${hidden}`, `${hidden}closed`, `clo${hidden}${hidden}sed`]);
  const others = [...names, 'clo sed', String.raw`closed\u200b`, String.raw`closed\n`, 'closed\\', 'closed"'];
  const shown = [...readable, ...others].map((name) => distinctName(name));
  assert.equal(new Set(shown).size, readable.length + others.length, shown.join('\n'));
  for (const text of shown.slice(readable.length)) assert.match(text, /^[!-~]+(?: [!-~]+)?$/);
  assert.equal(distinctName('x\ntouch \u200b'), String.raw`x\ntouch \u200b`);
  assert.equal(distinctName('x'.repeat(50), 10), 'xxxxxxxxx…');
});
