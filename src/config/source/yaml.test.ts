import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { didYouMean } from '../schema/names.ts';
import { findingLine } from './origin.ts';
import { nodeAt, plain } from './sourced.ts';
import { readYaml } from './yaml.ts';

const linesOf = (text: string): string[] => readYaml(text, 'f').faults.map(findingLine);
const valueOf = (text: string): unknown => plain(readYaml(text, 'f').root, undefined);

const fine: readonly { readonly what: string; readonly text: string; readonly value: unknown }[] = [
  { what: 'only a comment', text: '# gateway:\n', value: {} },
  { what: 'an empty document', text: '---\n...\n', value: {} },
  { what: 'a byte order mark', text: '\ufeffa: 1', value: { a: 1 } },
  { what: 'CRLF', text: 'a: 1\r\nb:\r\n  c: "2"\r\n', value: { a: 1, b: { c: '2' } } },
  {
    what: 'flow and block style',
    text: 'a: { b: [1, two, ~] }\nc:\n  - d: |\n      e\n',
    value: { a: { b: [1, 'two', null] }, c: [{ d: 'e\n' }] },
  },
  { what: 'an alias', text: 'a: &x { b: 1 }\nc: *x\nd: [*x]', value: { a: { b: 1 }, c: { b: 1 }, d: [{ b: 1 }] } },
  { what: 'an alias to a null value', text: 'a: &x\nb: *x', value: { a: null, b: null } },
  { what: 'an alias to a name', text: '&x a: 1\nb: *x', value: { a: 1, b: 'a' } },
  { what: 'a redefined anchor', text: 'a: &x 1\nb: &x 2\nc: *x', value: { a: 1, b: 2, c: 2 } },
  {
    what: 'names that look like other values',
    text: '1.10: a\ntrue: b\n~: c',
    value: { '1.10': 'a', true: 'b', '~': 'c' },
  },
  { what: 'words that are booleans in YAML 1.1', text: 'a: yes\nb: off', value: { a: 'yes', b: 'off' } },
  {
    what: 'the name of an Object.prototype member',
    text: 'constructor: { toString: 1 }',
    value: { constructor: { toString: 1 } },
  },
];

describe('reads', () => {
  for (const { what, text, value } of fine) {
    test(what, () => {
      assert.deepEqual(linesOf(text), []);
      assert.deepEqual(valueOf(text), value);
    });
  }
});

const places: readonly { readonly what: string; readonly text: string; readonly says: readonly string[] }[] = [
  {
    what: 'a name given twice',
    text: 'a: 1\nb:\n  c: 1\n  c: 2\na: 3',
    says: ['f:4:3: b.c is already set in line 3', 'f:5:1: a is already set in line 1'],
  },
  {
    what: 'a name given twice in a flow map',
    text: 'a: { b: 1, b: 2 }',
    says: ['f:1:12: a.b is already set in line 1'],
  },
  { what: 'a leading tab', text: 'a:\n\tb: 1', says: ['f:2:1: is indented with a tab'] },
  { what: 'a second document', text: 'a: 1\n---\nb: 2', says: ['f:2:1: begins a second document'] },
  { what: 'a merge key', text: 'a: &x { b: 1 }\nc:\n  <<: *x', says: ['f:3:3: c["<<"] is a merge key'] },
  { what: 'an alias without an anchor', text: 'a: *x', says: ['f:1:4: is an alias (*) without an earlier anchor'] },
  { what: 'a text that begins with a star', text: 'a:\n  - *', says: ['f:2:5: '] },
  {
    what: 'an alias before its anchor',
    text: 'a: *x\nb: &x 1',
    says: ['f:1:4: is an alias (*) without an earlier anchor'],
  },
  {
    what: 'an alias inside its own anchor',
    text: 'a: &x [*x]',
    says: ['f:1:8: is too large: a configuration has at most'],
  },
  { what: 'an unknown tag', text: 'a: !secret b', says: ['f:1:4: has an unknown tag (!)'] },
  { what: 'another version of YAML', text: '%YAML 1.1\n---\na: yes', says: ['f:1:1: must be YAML 1.2'] },
  { what: 'an unknown directive', text: '%FOO\n---\na: 1', says: ['f:1:1: is not valid YAML'] },
  { what: 'a quote that is not closed', text: 'a: 1\nb: "c', says: ['f:2:6: lacks a colon'] },
  {
    what: 'a bracket that is not closed',
    text: 'a: [1,\nb: 2',
    says: ['f:2:1: is not indented like its siblings, or the closing bracket'],
  },
  { what: 'an extra colon', text: 'a: b: c', says: ['f:1:4: is not "name: value"'] },
  { what: 'a line that is not a setting', text: 'a: 1\nb\nc: 2', says: ['f:2:1: lacks a colon'] },
  { what: 'an unknown escape', text: 'a: "\\q"', says: ['f:1:5: has an unknown escape (\\) in double quotes'] },
  { what: 'a character that needs quotes', text: 'a: @b', says: ['f:1:4: begins with a character that needs quotes'] },
  { what: 'a list as a name', text: '? [a]\n: b', says: ['f:1:3: has a name that is not text'] },
  {
    what: 'a forbidden name',
    text: 'a: { __proto__: 1 }',
    says: ['f:1:6: "__proto__" cannot be used as a name'],
  },
  { what: 'a list', text: '\n- a', says: ['f:2:1: must be a map of sections'] },
  { what: 'a text', text: 'port=8080', says: ['f:1:1: must be a map of sections'] },
  { what: 'a NUL', text: '\0', says: ['f:1:1: must be a map of sections'] },
  { what: 'nesting of brackets', text: `a: ${'['.repeat(1500)}`, says: ['f:1:1: is nested more than 32 levels'] },
  { what: 'nesting of lists', text: `${'- '.repeat(200)}a`, says: ['f:1:1: is nested more than 32 levels'] },
  {
    what: 'nesting by indentation',
    text: Array.from({ length: 40 }, (_, i) => `${' '.repeat(i)}a:`).join('\n'),
    says: ['f:34:34: is too large: a configuration has at most'],
  },
];

describe('reports the place of', () => {
  for (const { what, text, says } of places) {
    test(what, () => {
      const lines = linesOf(text);
      for (const [i, beginning] of says.entries()) assert.ok(lines[i]?.startsWith(beginning), lines.join('\n'));
      if (says.length > 1) assert.equal(lines.length, says.length);
    });
  }
});

describe('one mistake is one error', () => {
  const unquoted = 'is a reference without quotes inside { } or [ ]';
  const rows: readonly (readonly [text: string, ...says: string[]])[] = [
    ['a: { b: ${X} }', `f:1:9: ${unquoted}`],
    ['a: [${X}, 1]', `f:1:5: ${unquoted}`],
    ['a: { b: pre${X}post }', `f:1:12: ${unquoted}`],
    ['a: { b: $${X} }', `f:1:10: ${unquoted}`],
    ['a: {\n b: ${X}, c: ${Y}\n}\nd: 1', `f:2:5: ${unquoted}`],
    ['auth:\n  keys:\n    - { id: a, key: ${K} }\n    - { id: b, key: ${L} }\nleases: {}', `f:3:21: ${unquoted}`],
    ['{ a: b\nc: d', 'f:1:6: is not "name: value"'],
    ['a: [1,\nb: 2\nc: 3', 'f:2:1: is not indented like its siblings'],
    ['a: @b\nc: @d', 'f:1:4: begins with a character', 'f:2:4: begins with a character'],
    ['a: b: c\nd: e: f', 'f:1:4: is not "name: value"', 'f:2:4: is not "name: value"'],
  ];
  for (const [text, ...says] of rows) {
    test(JSON.stringify(text), () => {
      const lines = linesOf(text);
      assert.equal(lines.length, says.length, lines.join('\n'));
      for (const [i, beginning] of says.entries()) assert.ok(lines[i]?.startsWith(beginning), lines.join('\n'));
    });
  }

  test('references in quotes, or outside of brackets', () => {
    assert.deepEqual(valueOf('a: ${X}\nb: ["${X}", \'${Y}\']'), { a: '${X}', b: ['${X}', '${Y}'] });
  });
});

test('rejects aliases that would expand to billions of values', () => {
  const lines = Array.from({ length: 26 }, (_, i) => `k${i}: &a${i} [${i === 0 ? 'x' : `*a${i - 1},`.repeat(9)}]`);
  const [line] = linesOf(lines.join('\n'));
  assert.match(
    line ?? '',
    /^f:\d+:\d+: is too large: a configuration has at most 5000000 values, 100000 of them by aliases/,
  );
});

test('rejects too many lines and commas before parsing', () => {
  for (const text of ['a: &a 1\nb: [*a', '#', 'a: [1', '- &a b'].map((first) => first + ',\n'.repeat(2_500_001))) {
    assert.match(linesOf(text)[0] ?? '', /^f:1:1: is too large: a configuration has at most 5000000 values/);
  }
});

test('reports each of many faults at its place, without quoting the content', () => {
  const secret = 'sk_live_0123456789';
  for (const text of [
    `a: "${secret}\\q"`,
    `a: @${secret}`,
    `${secret}: [`,
    `a: *${secret}`,
    `a: !${secret} b`,
    `? [${secret}]\n: b`,
  ]) {
    assert.ok(linesOf(text).length > 0, text);
    for (const line of linesOf(text)) assert.ok(!line.includes('0123456789'), line);
  }
});

test('a value has its line and column, an alias those of its anchor', () => {
  const { root } = readYaml('a:\n  - b: 1\n    c: &x "2"\nd:   *x\n', 'f');
  const at = (...path: (string | number)[]): unknown => nodeAt(root, path)?.origin;
  assert.deepEqual(at('a', 0, 'c'), { kind: 'file', file: 'f', line: 3, column: 11 });
  assert.deepEqual(at('d'), { kind: 'file', file: 'f', line: 3, column: 11 });
  assert.deepEqual(at('a', 0), { kind: 'file', file: 'f', line: 2, column: 5 });
});

test('parses ten thousand settings quickly', () => {
  const names = Array.from({ length: 10_000 }, (_, i) => `a${i}: 1 # c\n`).join('');
  assert.deepEqual(linesOf(names), []);
});

test('suggests a name for a typing mistake, but not for an unrelated word', () => {
  const names = ['port', 'host', 'trusted_proxies', 'idle_timeout', 'max_in_flight'];
  for (const [written, meant] of [
    ['prot', 'port'],
    ['Port', 'port'],
    ['trusted_proxy', 'trusted_proxies'],
    ['idle-timeout', 'idle_timeout'],
    ['max_inflight', 'max_in_flight'],
    ['hosts', 'host'],
  ] as const) {
    assert.equal(didYouMean(written, names), meant);
  }
  for (const other of ['x', 'tls', 'certificate', 'a'.repeat(1_000_000), '']) {
    assert.equal(didYouMean(other, names), undefined, other.slice(0, 20));
  }
});
