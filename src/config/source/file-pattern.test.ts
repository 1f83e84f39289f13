import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { matchesName } from './file-pattern.ts';

describe('a pattern matches a file name', () => {
  for (const [pattern, yes, no] of [
    ['*.yaml', ['a.yaml', 'a.b.yaml', 'ü.yaml'], ['.yaml', '.a.yaml', 'a.yml', 'a.yaml~', 'a.yaml.bak', 'a.YAML']],
    ['*', ['a', 'a.b'], ['.a', '..data']],
    ['.*', ['.a', '..data'], ['a']],
    ['app-?.yaml', ['app-1.yaml'], ['app-.yaml', 'app-12.yaml']],
    ['a*b*c', ['abc', 'a1b2c', 'abcbc'], ['ab', 'acb', 'abcd']],
    ['**', ['a'], ['.a']],
    ['[a].yaml*', ['[a].yaml', '[a].yaml2'], ['a.yaml']],
    ['a+(b)*', ['a+(b)c'], ['ab', 'aab']],
  ] as const) {
    test(pattern, () => {
      for (const name of yes) assert.ok(matchesName(pattern, name), name);
      for (const name of no) assert.ok(!matchesName(pattern, name), name);
    });
  }

  test('in no time, however many wildcards it has', () => {
    assert.equal(matchesName(`${'*a'.repeat(100)}b`, 'a'.repeat(255)), false);
  });
});
