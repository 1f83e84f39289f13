// Loads a configuration from a temporary file with a given environment, and returns its findings as
// lines.
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { type LoadOptions, type LoadResult, loadConfig } from '../../src/config/load/load.ts';
import { findingLine } from '../../src/config/source/origin.ts';
import { tempDirectory } from './temp-directory.ts';

/**
 * Writes files below a new directory, with access for the owner only, and returns the directory.
 */
async function directoryWith(t: TestContext, files: Readonly<Record<string, string>>): Promise<string> {
  const directory = await tempDirectory(t);
  for (const [name, text] of Object.entries(files)) {
    const path = join(directory, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
    await chmod(path, 0o600);
  }
  return directory;
}

export interface TextOptions extends Omit<LoadOptions, 'file' | 'workingDirectory'> {
  readonly files?: Readonly<Record<string, string>>;
}

/**
 * Loads `text` as gateway.yaml in a temporary directory, which also holds `files`. Messages show
 * the file as `gateway.yaml`.
 */
export async function loadText(t: TestContext, text: string, options: TextOptions = {}): Promise<LoadResult> {
  const { files = {}, ...rest } = options;
  const workingDirectory = await directoryWith(t, { ...files, 'gateway.yaml': text });
  return loadConfig({ env: {}, ...rest, file: 'gateway.yaml', workingDirectory });
}

export function faultLines(result: LoadResult): string[] {
  return result.ok ? [] : result.faults.map(findingLine);
}

export function warningLines(result: LoadResult): string[] {
  return result.warnings.map(findingLine);
}
