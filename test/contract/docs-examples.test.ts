// Every configuration that a page shows can be pasted as it stands: it is valid, by itself.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { faultLines, loadText } from '../helpers/config.ts';
import { codeBlocks, pagePaths, pageText, repository } from '../helpers/pages.ts';

const certificate = readFileSync(join(repository, 'test/helpers/tls/cert.pem'), 'utf8');
const key = readFileSync(join(repository, 'test/helpers/tls/key.pem'), 'utf8');

/** The files that the examples name. Absolute paths become relative: tests cannot create them. */
const files = {
  ...{ 'server.crt': certificate, 'server.key': key, 'etc/portal-gateway/redis-ca.pem': certificate },
  'conf.d/my-app.yaml': '# included\n',
};
const relocated = (text: string): string => text.replaceAll(' /etc/', ' etc/');

/** The variables that the examples name. */
const env = { BILLING_BOT_KEY: 'a-key-from-the-environment', REDIS_URL: 'redis://127.0.0.1' };

/** The file that a block is for, if its first line names another one than gateway.yaml. */
function otherFile(text: string): string | undefined {
  const [, name] = /^# (.*)\n/.exec(text) ?? [];
  return name === 'gateway.yaml' ? undefined : name;
}

describe('configurations on the pages are valid', () => {
  let found = 0;
  for (const page of pagePaths) {
    for (const { language, text, line } of codeBlocks(pageText(page))) {
      if (language !== 'yaml' || otherFile(text) !== undefined) continue;
      found += 1;
      test(`${page}:${line}`, async (t) => {
        assert.deepEqual(faultLines(await loadText(t, relocated(text), { files, env })), []);
      });
    }
  }
  test('they are found', () => {
    assert.ok(found > 15, `${found} configurations`);
  });
});
