// The arguments of `dev`. run-dev.ts implements it and is loaded on use: --help and a mistyped
// option do not need it.
import { Command } from 'commander';
import { parseTarget, type Target } from '../../expose/app/target.ts';
import type { CliContext } from '../context.ts';
import { checked, portOption, relayOption } from '../options.ts';
import { caFileHelp } from '../run/relay-trust.ts';
import type { DevOptions } from '../run/run-dev.ts';

export function devCommand(context: CliContext): Command {
  return new Command('dev')
    .description(
      'Run a relay, the gateway and your app, or a demo app, on this machine; print the address, a key, a working curl command and a sign-in link for a browser.',
    )
    .argument(
      '[PORT]',
      'where your app listens: a port, HOST:PORT, or an http(s):// URL (default: a demo app)',
      checked(devTarget),
    )
    .option('--name <NAME>', 'the name of the lease (default: app, or demo for the demo app)')
    .option('--port <N>', 'the port of the gateway', portOption, 8080)
    .option('--relay <URL>', 'the URL of a relay to use instead of one on this machine', relayOption)
    .option('--ca-file <FILE>', `${caFileHelp}; with --relay`)
    .option('--json', 'print as JSON')
    .addHelpText('after', '\nExample:\n  $ portal-gateway dev 3000 --name my-app')
    .action(async (target: Target | undefined, options: DevOptions) => {
      const { dev } = await import('../run/run-dev.ts');
      await dev(target, options, context);
    });
}

/** Rejects a name alone, which `expose` takes as the host of a server: here it is the lease's. */
function devTarget(text: string): Target {
  if (/^[a-z][\w-]*$/i.test(text) && text !== 'localhost')
    throw new RangeError(`"${text}" is not a port; to name the lease, write dev PORT --name ${text}`);
  return parseTarget(text);
}
