// A configuration file in a temporary directory, and commands that use it with that directory as
// the state directory.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { runCli, temporaryDirectory, type CliResult } from './cli.ts';

type Environment = Readonly<Record<string, string>>;

export interface ConfigPlace {
  readonly directory: string;
  readonly file: string;
  readonly run: (args: readonly string[], environment?: Environment) => Promise<CliResult>;
}

/** `shared`: the environment of every command. */
export async function configPlace(t: TestContext, yaml: string, shared: Environment): Promise<ConfigPlace> {
  const directory = await temporaryDirectory(t);
  const file = join(directory, 'gateway.yaml');
  await writeFile(file, yaml);
  return {
    directory,
    file,
    run: (args, environment = {}) => runCli(t, args, { XDG_STATE_HOME: directory, ...shared, ...environment }),
  };
}
