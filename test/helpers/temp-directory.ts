// A temporary directory for one test, removed after it.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { recordLogFiles } from '../secrecy/recorded-output.ts';

export async function tempDirectory(test: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'portal-gateway-'));
  test.after(async () => {
    await recordLogFiles(path);
    // Processes of the test may still write there: they are killed later, if this succeeds.
    await rm(path, { recursive: true, force: true, maxRetries: 10 });
  });
  return path;
}
