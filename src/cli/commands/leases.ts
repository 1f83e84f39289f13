// The arguments of `leases` and `leases accept`. The implementation is loaded on use: --help and a
// mistyped option do not need it.
import { Command } from 'commander';
import type { CliContext } from '../context.ts';
import { relayOption } from '../options.ts';
import { caFileHelp } from '../run/relay-trust.ts';
import type { LeasesOptions } from '../run/run-leases.ts';
import type { AcceptOptions } from '../run/run-leases-accept.ts';

const relayHelp = 'the URL of the relay (default: PORTAL_RELAY_URL, else ws://localhost:4017/relay)';

export function leasesCommand(context: CliContext): Command {
  return new Command('leases')
    .description('List the leases of a relay: name, id, alpn, expiry, description.')
    .option('--relay <URL>', relayHelp, relayOption)
    .option('--ca-file <FILE>', caFileHelp)
    .option('--json', 'print as JSON')
    .addHelpText('after', '\nExample:\n  $ portal-gateway leases --relay ws://localhost:4017/relay')
    .action(async (options: LeasesOptions) => {
      const { leases } = await import('../run/run-leases.ts');
      await leases(options, context);
    })
    .addCommand(acceptCommand(context));
}

function acceptCommand(context: CliContext): Command {
  return new Command('accept')
    .description('Accept a new lease id for a name, for gateways with portal.name_binding: strict.')
    .argument('<NAME>', 'the name of the lease')
    .option('--id <ID>', 'the id to accept (default: the one that the relay lists)')
    .option('--relay <URL>', relayHelp, relayOption)
    .option('--ca-file <FILE>', caFileHelp)
    .option('--json', 'print as JSON')
    .addHelpText('after', '\nExample:\n  $ portal-gateway leases accept billing --relay ws://localhost:4017/relay')
    .action(async (name: string, options: AcceptOptions, command: Command) => {
      const { acceptLease } = await import('../run/run-leases-accept.ts');
      // The outer command parses options that both commands have, before and after `accept`.
      await acceptLease(name, { ...command.parent?.opts<AcceptOptions>(), ...options }, context);
    });
}
