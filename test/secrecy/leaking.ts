// What find-secrets.test.ts runs as a test: it writes a secret, and passes.
import process from 'node:process';
import { test, type TestContext } from 'node:test';
import { startCli } from '../helpers/cli.ts';
import { mark, markedSecret } from './marks.ts';

test('a secret in the output of the test', () => {
  process.stderr.write(`here it is: ${markedSecret('planted')}\n`);
});

test('a secret in the output of a command', async (t: TestContext) => {
  // Usage faults repeat what was given: nobody gives a secret there.
  await startCli(t, ['validate', `--${mark}`], {}).exited;
});
