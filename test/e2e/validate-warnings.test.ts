// Warnings of `validate`, and how many of them it lists.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configPlace } from '../helpers/config-place.ts';
import { markedKey } from '../secrecy/marks.ts';

const shared = { KEY: markedKey('test') };

test('lists 50 warnings of one kind and counts the rest', async (t) => {
  const strangers = Array.from({ length: 5_000 }, (_, i) => `  app-${i}: [stranger-${i}]\n`).join('');
  const yaml = `auth: { keys: [{ id: a, key: "\${KEY}" }] }\nrate_limit: { per_key: { overrides: { b: { requests_per_second: 1, burst: 1 } } } }\nlease_acl:\n${strangers}`;
  const { file, run } = await configPlace(t, yaml, shared);
  const { code, stdout, stderr } = await run(['validate', '--config', file]);
  assert.deepEqual([code, stdout], [0, `${file} is valid: 1 key, 5000 rules, 1 relay\n`]);
  const lines = stderr.trimEnd().split('\n');
  assert.equal(lines.length, 1 + 50 + 1);
  assert.match(lines[0] ?? '', /rate_limit\.per_key\.overrides\.b is not the id of a key/);
  assert.match(lines[50] ?? '', /lease_acl\.app-49\[0\] names a key that does not exist/);
  assert.equal(lines[51], 'warning: … and 4,950 more of this kind');
  const json = JSON.parse((await run(['validate', '--json', '--config', file])).stdout) as {
    warnings: object[];
    warnings_left_off: number;
  };
  assert.deepEqual([json.warnings.length, json.warnings_left_off], [51, 4_950]);
});

test('warns about a key that is easy to guess, and does not show it', async (t) => {
  const { run } = await configPlace(t, '#', shared);
  const { code, stdout, stderr } = await run(['validate'], { GATEWAY_API_KEY: 'hunter2', LEASE_ACL: 'app=*' });
  assert.equal(code, 0);
  assert.match(stderr, /^warning: GATEWAY_API_KEY: auth\.keys\[0\]\.key is easy to guess: /m);
  assert.doesNotMatch(stdout + stderr, /hunter2/);
});
