// The check of commit subjects that `make lint` and the hook commit-msg run.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { subjectFault, subjectsSince } from '../../tools/check-commits.ts';
import { tempDirectory } from '../helpers/temp-directory.ts';

test('a subject is "area: summary" in at most 72 characters', () => {
  const kept = [
    'limits: reconnect every 5 s while Redis is read-only',
    'cli, limits: messages in the field’s words',
    'http-client: count chunks',
    'test/e2e: name behaviours in titles',
    'Revert "limits: reconnect every 5 s while Redis is read-only, and never give up"',
    `docs: ${'x'.repeat(66)}`,
  ];
  for (const subject of kept) assert.equal(subjectFault(subject), undefined, subject);
  const refused = [
    'OPTIONS heeds Max-Forwards',
    'Limits: reconnect',
    'limits:',
    'limits: end.',
    'fixup! limits: end',
    '',
  ];
  for (const subject of refused) assert.ok(subjectFault(subject), subject);
  assert.match(subjectFault(`docs: ${'x'.repeat(67)}`) ?? '', /has 73 characters/);
});

test('it checks the commits after the first one with the rule, and nothing in a shallow clone', async (t) => {
  const origin = await tempDirectory(t);
  const git = (directory: string, ...args: string[]): string =>
    execFileSync('git', ['-C', directory, '-c', 'user.name=a', '-c', 'user.email=a@example.com', ...args], {
      encoding: 'utf8',
      stdio: 'pipe',
    });
  git(origin, 'init', '--quiet');
  for (const subject of ['Before the rule', 'kernel: one', 'kernel: two'])
    git(origin, 'commit', '--quiet', '--allow-empty', '--no-gpg-sign', '-m', subject);
  const first = git(origin, 'rev-parse', 'HEAD~2').trim();
  assert.deepEqual(subjectsSince(first, origin), ['kernel: two', 'kernel: one']);

  const clone = await tempDirectory(t);
  git(clone, 'clone', '--quiet', '--depth', '1', `file://${origin}`, 'shallow');
  assert.deepEqual(subjectsSince(first, join(clone, 'shallow')), []);
  assert.deepEqual(subjectsSince(first, '/'), []);
});
