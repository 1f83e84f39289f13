// Run by find-secrets.test.ts as a test: writes a secret, and passes.
import process from 'node:process';
import { test, type TestContext } from 'node:test';
import { startCli } from '../helpers/cli.ts';
import { mark, markedSecret } from './marks.ts';

test('a secret in the output of the test', () => {
  process.stderr.write(`here it is: ${markedSecret('planted')}\n`);
});

test('a secret in the output of a command', async (t: TestContext) => {
  // Usage errors repeat the arguments; users do not pass secrets there.
  await startCli(t, ['validate', `--${mark}`], {}).exited;
});
