// Owns what `leases` is called with. run-leases.ts does it.
// The work is loaded when it is asked for: --help and a mistyped option need none of it.
import { Command } from 'commander';
import type { CliContext } from './context.ts';
import { relayOption } from './options.ts';
import type { LeasesOptions } from './run-leases.ts';

export function leasesCommand(context: CliContext): Command {
  return new Command('leases')
    .description('Lists the leases that a relay offers: name, id, alpn, expiry, description.')
    .option(
      '--relay <URL>',
      'the relay to ask (default: PORTAL_RELAY_URL, else ws://localhost:4017/relay)',
      relayOption,
    )
    .option('--json', 'print them as JSON')
    .addHelpText('after', '\nExample:\n  $ portal-gateway leases --relay ws://localhost:4017/relay')
    .action(async (options: LeasesOptions) => {
      const { leases } = await import('./run-leases.ts');
      await leases(options, context);
    });
}
