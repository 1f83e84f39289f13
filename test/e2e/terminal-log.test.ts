// The log of `start` on a real terminal, by script(1), which gives its child one.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import process from 'node:process';
import { test, type TestContext } from 'node:test';
import { childEnvironment } from '../helpers/child-environment.ts';
import { temporaryDirectory } from '../helpers/cli.ts';
import { needs } from '../helpers/needs.ts';

const main = join(import.meta.dirname, '../../src/main.ts');
const { path: script, skip } = needs('script');

/** The output up to the line that the gateway listens. */
async function logOf(t: TestContext, environment: Record<string, string>): Promise<string> {
  const command = `'${process.execPath}' '${main}' start --port 0 --relay ws://127.0.0.1:9/relay`;
  const child = spawn(script, ['--quiet', '--return', '--command', command, '/dev/null'], {
    env: childEnvironment({
      HOME: '/nonexistent',
      XDG_STATE_HOME: await temporaryDirectory(t),
      TERM: 'xterm-256color',
      ...environment,
    }),
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  t.after(() => child.kill());
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  while (!text.includes('listening')) await once(child.stdout, 'data');
  return text;
}

test('a terminal gets text in colour, without colour on request, and JSON on request', { skip }, async (t) => {
  const [coloured, plain, dumb, json] = await Promise.all([
    logOf(t, {}),
    logOf(t, { NO_COLOR: '1' }),
    logOf(t, { TERM: 'dumb' }),
    logOf(t, { LOGGING_FORMAT: 'json' }),
  ]);
  assert.ok(coloured.includes('\u001b[32minfo \u001b[39m listening'), coloured);
  for (const text of [plain, dumb]) {
    assert.match(text, /\d\d:\d\d:\d\d\.\d{3} info {2}listening .*url=http:\/\/127\.0\.0\.1:\d+/);
    assert.ok(!text.includes('\u001b'));
  }
  assert.match(json, /^\{.*"message":"listening"\}/m);
});
