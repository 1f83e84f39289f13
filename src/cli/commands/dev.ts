// The arguments of `dev`. run-dev.ts implements it and is loaded on use: --help and a mistyped
// option do not need it.
import { Command } from 'commander';
import type { CliContext } from '../context.ts';
import { portOption } from '../options.ts';
import type { DevOptions } from '../run/run-dev.ts';

export function devCommand(context: CliContext): Command {
  return new Command('dev')
    .description('Run a relay, a demo app and the gateway on this machine; print a key and a working curl command.')
    .option('--port <N>', 'the port of the gateway', portOption, 8080)
    .addHelpText('after', '\nExample:\n  $ portal-gateway dev --port 8080')
    .action(async (options: DevOptions) => {
      const { dev } = await import('../run/run-dev.ts');
      await dev(options, context);
    });
}
