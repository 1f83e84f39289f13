// The arguments of `expose`. run-expose.ts implements it and is loaded on use: --help and a
// mistyped option do not need it.
import { Command, Option } from 'commander';
import { parseAssertionSource } from '../../expose/assertions/assertion-source.ts';
import { parseHostHeader } from '../../expose/request/host-header.ts';
import { parseTarget, type Target } from '../../expose/app/target.ts';
import type { CliContext } from '../context.ts';
import { checked, clientIdsOption, maxTunnelsOption, relaysOption } from '../options.ts';
import { caFileHelp } from '../run/relay-trust.ts';
import type { ExposeOptions } from '../run/run-expose.ts';

export function exposeCommand(context: CliContext): Command {
  return new Command('expose')
    .description('Publishes a local HTTP server as a lease, and keeps it published.')
    .argument('<TARGET>', 'a port, HOST:PORT, or an http(s):// URL', checked(parseTarget))
    .requiredOption('--name <NAME>', 'the name of the lease')
    .option(
      '--relay <URL>',
      'a relay; may be given several times (default: PORTAL_RELAY_URL, else ws://localhost:4017/relay)',
      relaysOption,
    )
    .option('--ca-file <FILE>', caFileHelp)
    .option('--allow-client <ID>', 'admit only the gateway with this id; may be given several times', clientIdsOption)
    .option(
      '--require-assertion <URL|FILE>',
      'admit only requests with an assertion of the gateway whose keys are there: its /.well-known/portal-gateway/jwks.json',
      checked(parseAssertionSource),
    )
    .option(
      '--identity <FILE>',
      'the identity file, whose id is the lease id (default: one for each name in the state directory)',
    )
    .option(
      '--replace',
      'take over from another expose on this machine that publishes with the same identity: it drains once this one has published',
    )
    .addOption(
      new Option('--host-header <HOST>', 'what the app sees as Host: preserve, target or a value')
        .argParser(checked(parseHostHeader))
        .default({ mode: 'target' }, 'target'),
    )
    .option(
      '--max-tunnels <N>',
      'connections of gateways at once, 1 to 100000; further ones are refused, and their requests get 502 (default: 2000)',
      maxTunnelsOption,
    )
    .option('--description <TEXT>', 'shown by relays to those who list leases')
    .addHelpText('after', '\nExample:\n  $ portal-gateway expose 3000 --name my-app --relay ws://localhost:4017/relay')
    .action(async (target: Target, options: ExposeOptions) => {
      const { expose } = await import('../run/run-expose.ts');
      await expose(target, options, context);
    });
}
