// Locates the programs other than Node that some tests need, or gives the reason to skip the test.
// `make test` installs what it can (tools/test-needs.sh).
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import process from 'node:process';

export type Need =
  'bash' | 'chromium' | 'curl' | 'fish' | 'git' | 'go' | 'make' | 'python3' | 'redis-server' | 'script' | 'zsh';

export interface Needed {
  readonly path: string;
  /** For the options of a test: false, or the reason to skip it. */
  readonly skip: string | false;
}

/** Alternative names of the same program. */
const aliases: Readonly<Partial<Record<Need, readonly string[]>>> = {
  chromium: ['chromium-browser', 'google-chrome'],
};

export function needs(name: Need): Needed {
  for (const candidate of [name, ...(aliases[name] ?? [])]) {
    const path = executable(candidate);
    if (path !== undefined) return { path, skip: false };
  }
  return { path: name, skip: `needs ${name}: apt-get install --yes ${name}` };
}

function executable(name: string): string | undefined {
  for (const directory of (process.env['PATH'] ?? '').split(delimiter)) {
    const path = join(directory, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not in this directory.
    }
  }
  return undefined;
}
