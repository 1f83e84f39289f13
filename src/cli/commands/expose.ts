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
    .description('Publish a local HTTP server as a lease, and keep it published.')
    .argument('<TARGET>', 'a port, HOST:PORT, or an http(s):// URL', checked(parseTarget))
    .requiredOption('--name <NAME>', 'the name of the lease')
    .option(
      '--relay <URL>',
      'the URL of a relay; may be repeated (default: PORTAL_RELAY_URL, else ws://localhost:4017/relay)',
      relaysOption,
    )
    .option('--ca-file <FILE>', caFileHelp)
    .option('--allow-client <ID>', 'admit only the gateway with this id; may be repeated', clientIdsOption)
    .option(
      '--require-assertion <URL|FILE>',
      'admit only requests with an assertion signed by a key in this key set, which the gateway serves at /.well-known/portal-gateway/jwks.json',
      checked(parseAssertionSource),
    )
    .option(
      '--identity <FILE>',
      'the identity file, which determines the lease id (default: one for each name, in the state directory)',
    )
    .option(
      '--replace',
      'take over from an expose on this machine with the same identity, which drains once this one has published',
    )
    .addOption(
      new Option('--host-header <HOST>', 'the Host that the app receives: preserve, target or a value')
        .argParser(checked(parseHostHeader))
        .default({ mode: 'target' }, 'target'),
    )
    .option(
      '--max-tunnels <N>',
      'the most concurrent connections from gateways, 1 to 100000; requests on further ones get 502 (default: 2000)',
      maxTunnelsOption,
    )
    .option('--description <TEXT>', 'a description that relays show in their lease lists')
    .option('--quiet', 'print only warnings and errors')
    .option('--json', 'print one JSON object per event on stdout, requests included')
    .addHelpText('after', '\nExample:\n  $ portal-gateway expose 3000 --name my-app --relay ws://localhost:4017/relay')
    .action(async (target: Target, options: ExposeOptions) => {
      const { expose } = await import('../run/run-expose.ts');
      await expose(target, options, context);
    });
}
