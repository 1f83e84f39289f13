// Implements `version`, the same as `--version`; with --json also the release of Node.
import process from 'node:process';
import { Command } from 'commander';
import packageJson from '../../../package.json' with { type: 'json' };
import type { CliContext } from '../context.ts';

export const version: string = packageJson.version;

export function versionCommand({ terminal }: CliContext): Command {
  return new Command('version')
    .description('Print the version.')
    .option('--json', 'print as JSON, with the version of Node')
    .addHelpText('after', '\nExample:\n  $ portal-gateway version --json')
    .action(({ json }: { readonly json?: boolean }) => {
      terminal.result(json === true ? JSON.stringify({ version, node: process.versions.node }) : version);
    });
}
