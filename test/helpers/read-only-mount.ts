// Mounts a read-only file system for a test. Only root can, and not in every container.
import { execFile } from 'node:child_process';
import { mkdtemp, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import type { TestContext } from 'node:test';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * The directory of an empty read-only file system, unmounted after the test. Undefined: this user
 * cannot mount one.
 */
export async function readOnlyMount(t: TestContext): Promise<string | undefined> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return undefined;
  const directory = await mkdtemp(join(tmpdir(), 'portal-gateway-'));
  try {
    await run('mount', ['-t', 'tmpfs', '-o', 'ro', 'tmpfs', directory]);
  } catch {
    await rmdir(directory);
    return undefined;
  }
  t.after(async () => {
    await run('umount', ['-l', directory]);
    await rmdir(directory);
  });
  return directory;
}
