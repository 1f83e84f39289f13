import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { writeFile } from 'node:fs/promises';
import { warningLines } from '../../../test/helpers/config.ts';
import { tempDirectory } from '../../../test/helpers/temp-directory.ts';
import { createApiKey } from '../../auth/api-key.ts';
import { loadConfig } from '../load/load.ts';
import { isGuessable } from './weak-keys.ts';

describe('weak keys', () => {
  const guessable = [
    ...[
      'test',
      'secret',
      'password123',
      'changeme',
      'change-me-please',
      'P4ssw0rd!',
      'my-secret-api-key',
      'mySecretApiKey2026',
    ],
    ...[
      'sk_test_key',
      'a',
      '1234567890123456789012345',
      'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',
      'abababababababababababababab',
    ],
    ...[
      'abcdefghijklmnopqrstuvwxyz',
      'zyxwvutsrqponmlkjihgfedcba',
      'kd83jx',
      'f3f3f3f3f3f3f3f3',
      'x9k2x9k2x9k2x9k2x9k2',
      '20261129',
    ],
    ...[
      'portal-gateway',
      'your-api-key-here',
      'INSERT_YOUR_TOKEN_HERE',
      'test-key-1',
      '00000000-0000-0000-0000-000000000000',
    ],
  ];
  for (const key of guessable) {
    test(`detects ${key}`, () => {
      assert.equal(isGuessable(key), true);
    });
  }

  test('random keys are never reported as weak', () => {
    for (let i = 0; i < 2_000; i += 1) {
      const keys = [
        ...[createApiKey('live'), createApiKey('test'), randomUUID(), randomBytes(16).toString('hex')],
        ...[
          randomBytes(16).toString('base64url'),
          randomBytes(24).toString('base64'),
          `key-${randomBytes(16).toString('hex')}`,
        ],
      ];
      for (const key of keys) assert.equal(isGuessable(key), false, key);
    }
  });
});

test('warns about a weak key at its place in file or environment, and never shows it', async (t) => {
  const directory = await tempDirectory(t);
  const strong = randomBytes(24).toString('hex');
  const text = `auth:\n  keys:\n    - { id: a, key: "\${WEAK}" }\n    - { id: b, key: "\${STRONG}" }\nlease_acl: { app: ["*"] }\n`;
  await writeFile(join(directory, 'gateway.yaml'), text);
  const result = await loadConfig({
    file: 'gateway.yaml',
    workingDirectory: directory,
    env: { WEAK: 'hunter2hunter2', STRONG: strong, GATEWAY_API_KEY: 'test' },
  });
  const lines = warningLines(result);
  assert.deepEqual(
    lines.map((line) => line.replace(/ is easy to guess: .*/, '')),
    ['gateway.yaml:3:21: auth.keys[0].key', 'GATEWAY_API_KEY: auth.keys[2].key'],
  );
  assert.doesNotMatch(lines.join(), /hunter2|"test"/);
});
