import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rewriteLink } from './link-field.ts';

const mark = (reference: string): string => `/new${reference}`;

test('treats targets and anchors as references, but not relation types and other parameters', () => {
  for (const [value, rewritten] of [
    ['</a>; rel=next', '</new/a>; rel=next'],
    ['</a>;rel="next", <b?c=1,2;3>; rel=self; a=b', '</new/a>;rel="next", </newb?c=1,2;3>; rel=self; a=b'],
    ['</a>; anchor="/x"; rel="http://app/rel"', '</new/a>; anchor="/new/x"; rel="http://app/rel"'],
    ['</a>; REL = up ; ANCHOR = "/x"', '</new/a>; REL = up ; ANCHOR = "/new/x"'],
    ['</a>; title="<b>, \\"</c>"; anchor="#f"; rel=a', '</new/a>; title="<b>, \\"</c>"; anchor="/new#f"; rel=a'],
    ["</a>; title*=UTF-8''%e2%82%ac; rel=a", "</new/a>; title*=UTF-8''%e2%82%ac; rel=a"],
    ['<>; rel=self', '</new>; rel=self'],
    ['garbage, </a>; rel=a', 'garbage, </new/a>; rel=a'],
  ] as const) {
    assert.equal(rewriteLink(value, mark, 1_000), rewritten);
  }
});

test('leaves references relative to the content unchanged, but not absolute ones', () => {
  for (const value of [
    '</a>; rel=preload; as=style',
    '</a>; rel="Alternate StyleSheet"',
    '</a>',
    '</a>; rel=icon, </b>; a=rel',
  ]) {
    assert.equal(rewriteLink(value, mark, 1_000), value);
  }
  for (const [value, rewritten] of [
    ['<http://app/a>; rel=preload', '</newhttp://app/a>; rel=preload'],
    ['<//app/a>', '</new//app/a>'],
    ['</a>; rel=preload, </b>; rel=next', '</a>; rel=preload, </new/b>; rel=next'],
    // RFC 8288 §3.3: the first one counts.
    ['</a>; rel=next; rel=preload', '</new/a>; rel=next; rel=preload'],
  ] as const) {
    assert.equal(rewriteLink(value, mark, 1_000), rewritten);
  }
});

test('a value that ends within a reference or a quote is unchanged from there', () => {
  for (const value of ['</a', '; anchor="/x', '"', '', 'a; title="</a>'])
    assert.equal(rewriteLink(value, mark, 1_000), value);
  assert.equal(rewriteLink('</a>;rel=a, </b', mark, 1_000), '</new/a>;rel=a, </b');
});

test('a rewritten reference cannot end its brackets or quotes', () => {
  const hostile = (reference: string): string => `/p>"\\<${reference}`;
  assert.equal(
    rewriteLink('</a>; anchor="/x"; rel=a', hostile, 1_000),
    '</p%3E%22%5C%3C/a>; anchor="/p%3E%22%5C%3C/x"; rel=a',
  );
});

test('drops a value that would exceed the limit', () => {
  const value = '</a>;rel=a,'.repeat(100);
  assert.equal(rewriteLink(value, mark, value.length + 4 * 100)?.length, value.length + 4 * 100);
  assert.equal(rewriteLink(value, mark, value.length + 4 * 100 - 1), undefined);
});

test('any value takes linear time', () => {
  const startedMs = performance.now();
  for (const part of [
    '<',
    '<>',
    '</a>',
    '"',
    '\\"',
    '"a"',
    ';',
    ',',
    ' ',
    '; anchor',
    '; anchor="',
    '; anchor="a"',
    '">',
  ]) {
    for (const start of ['', '<', '<a>;', '<a>; anchor="']) {
      const value = start + part.repeat(65_536 / part.length);
      assert.equal(typeof rewriteLink(value, (reference) => reference, value.length), 'string');
    }
  }
  assert.ok(performance.now() - startedMs < 2_000);
});
