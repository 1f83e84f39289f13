import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rewriteRefresh } from './refresh-field.ts';

test('finds the URL of Refresh as browsers do', () => {
  for (const [value, rewritten] of [
    ['5; url=/x', '5; url=</x>'],
    ['0;URL=/x?a=1;b', '0;URL=</x?a=1;b>'],
    [' 1.5 ,\turl \t= /x', ' 1.5 ,\turl \t= </x>'],
    ['.5 /x', '.5 </x>'],
    ['5;/x', '5;</x>'],
    ["5;url='/x' and more", "5;url='</x>' and more"],
    ['5;url="/x', '5;url="</x>'],
    ['5; urls', '5; <urls>'],
  ] as const) {
    assert.equal(
      rewriteRefresh(value, (url) => `<${url}>`),
      rewritten,
    );
  }
});

test('leaves a value without a URL unchanged', () => {
  for (const value of ['', '5', '5;', '5; url=', '5; url=""', 'x; url=/x', '5x; url=/x', 'url=/x']) {
    assert.equal(
      rewriteRefresh(value, () => 'never'),
      value,
    );
  }
});

test('a rewritten URL cannot end its quotes', () => {
  assert.equal(
    rewriteRefresh("0; url='/x'", (url) => `/it's${url}`),
    "0; url='/it%27s/x'",
  );
});

test('any value takes linear time', () => {
  const startedMs = performance.now();
  for (const part of [' ', '\t', '5', '.', ';', '5;', '5 ', 'url', 'url ', '"']) {
    for (const start of ['', '5', '5;', '5;url', '5;url="']) {
      rewriteRefresh(start + part.repeat(65_536 / part.length), (url) => url);
    }
  }
  assert.ok(performance.now() - startedMs < 1_000);
});
