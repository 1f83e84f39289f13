// Implements `start`: loads the configuration, opens the log, and runs the gateway in the
// foreground until it is asked to stop. gateway/start-gateway.ts opens its files and reloads it.
import type { Config } from '../../config/load/config.ts';
import { withDigestedKeys } from '../../config/load/digested-keys.ts';
import { type Faulty, loadConfig, type FlagSetting } from '../../config/load/load.ts';
import type { LeaseRule } from '../../config/source/lease-rule.ts';
import { findingLine } from '../../config/source/origin.ts';
import { startGateway } from '../../gateway/start-gateway.ts';
import { commonTemporary } from '../../kernel/errors/temporary-fault.ts';
import { printable } from '../../kernel/printable.ts';
import { createLog, type GatewayLog } from '../../observe/logs/log.ts';
import type { CliContext } from '../context.ts';
import type { EarlyHangup } from '../early-hangup.ts';
import { type CliFault, failure, usageFault } from '../fault.ts';
import { onLogSignals } from '../log-signals.ts';
import { aborted } from '../shutdown.ts';
import type { Terminal } from '../terminal.ts';
import { trusted } from './relay-trust.ts';

export interface StartOptions {
  readonly config?: string;
  readonly host?: string;
  readonly port?: number;
  readonly relay?: readonly string[];
  readonly caFile?: string;
  readonly allow?: readonly LeaseRule[];
}

const maxLineCharacters = 1000;

export async function start(options: StartOptions, context: CliContext, hangup: EarlyHangup): Promise<void> {
  if (options.caFile !== undefined && options.relay === undefined)
    throw usageFault('--ca-file needs --relay; in the configuration it is portal.relays[].ca_file');
  await trusted(options.caFile, options.relay ?? []);
  const flags = flagsOf(options);
  // Loaded in this thread, since no requests are served yet.
  const loaded = withDigestedKeys(await loadConfig({ file: options.config, flags, signal: context.signal }));
  if (!loaded.ok) throw configFault(loaded, context.terminal);
  const { config } = loaded;
  // Closed last: a SIGHUP during the drain must not end the process.
  await using watching = new AsyncDisposableStack();
  await using parts = new AsyncDisposableStack();
  const gatewayLog = openLog(parts, config, context.terminal);
  const gateway = await startGateway(
    { watching, parts },
    {
      loaded,
      source: { file: options.config, flags },
      stateDirectory: context.environment().stateDirectory,
      log: gatewayLog,
    },
  );
  hangup.repeat();
  const relays = config.portal.relays.map(({ url }) => url);
  const { logger: log } = gatewayLog;
  log.info({ url: gateway.url, admin: gateway.adminUrl, identity: gateway.identity, relays }, 'listening');
  await aborted(context.signal);
  context.stopWithin(gateway.drainMs());
  log.info('draining');
}

function openLog(parts: AsyncDisposableStack, { logging }: Config, terminal: Terminal): GatewayLog {
  const log = createLog(logging, (line) => {
    terminal.note(printable(line, maxLineCharacters));
  });
  parts.defer(log.close);
  parts.defer(onLogSignals(log));
  return log;
}

function flagsOf({ host, port, relay, caFile, allow }: StartOptions): FlagSetting[] {
  const flags: FlagSetting[] = [];
  if (host !== undefined) flags.push({ name: '--host', path: ['gateway', 'host'], value: host });
  if (port !== undefined) flags.push({ name: '--port', path: ['gateway', 'port'], value: port });
  if (relay !== undefined) {
    const value = [...new Set(relay)].map((url) => ({ url, ...(caFile !== undefined && { ca_file: caFile }) }));
    flags.push({ name: '--relay', path: ['portal', 'relays'], value });
  }
  if (allow !== undefined) flags.push({ name: '--allow', rules: allow });
  return flags;
}

function configFault(faulty: Faulty, terminal: Terminal): CliFault {
  const [only, ...more] = faulty.faults.map((fault) => printable(findingLine(fault), maxLineCharacters));
  const temporary = commonTemporary(faulty.faults);
  if (only !== undefined && more.length === 0) return failure(only, { temporary });
  for (const line of [only ?? '', ...more]) terminal.note(line);
  return failure(`the configuration has ${more.length + 1} errors`, { temporary });
}
