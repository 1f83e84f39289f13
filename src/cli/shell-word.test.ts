import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { shellQuoted, shellWord } from './shell-word.ts';

test('a shell reads quoted text back unchanged', () => {
  for (const text of ["it's", '$(id)', 'a b', '`x`', '\\', '"', 'größe', '~', '', 'a\nb', '!', 'wss://h:1/p?a=b&c']) {
    const script = `printf %s ${shellWord(text)}; printf '|%s' ${shellQuoted(text)}`;
    assert.equal(execFileSync('sh', ['-c', script], { encoding: 'utf8' }), `${text}|${text}`);
  }
});

test('plain words have no quotes', () => {
  for (const text of ['bot.key', '/tmp/a', 'ws://localhost:4017/relay', 'my-app']) assert.equal(shellWord(text), text);
});
