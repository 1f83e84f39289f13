// Implements `start`: runs the gateway in the foreground, reloading its configuration, until it is
// asked to stop.
import type { Config } from '../../config/load/config.ts';
import { withDigestedKeys } from '../../config/load/digested-keys.ts';
import { type Faulty, loadConfig, type FlagSetting } from '../../config/load/load.ts';
import { findingLine } from '../../config/source/origin.ts';
import { watchConfig } from '../../config/load/reload.ts';
import {
  assertionKeysPath,
  gatewayIdentityPath,
  keyDigestsPath,
  leaseNamesPath,
} from '../../config/source/state-directory.ts';
import { openKeyDigests } from '../../keys/key-digests-file.ts';
import { credentialFromPem } from '../../portal/identity.ts';
import type { Credential } from '../../portal/index.ts';
import { printable } from '../../kernel/printable.ts';
import { reasonOf } from '../../kernel/reason.ts';
import { createLog, type GatewayLog, type Logger } from '../../observe/logs/log.ts';
import { watchCertificates } from '../../gateway/certificate-expiry.ts';
import { reloading } from '../../gateway/config-reload.ts';
import { CliFault, usageFault } from '../fault.ts';
import type { CliContext } from '../context.ts';
import type { EarlyHangup } from '../early-hangup.ts';
import { keptIdentity } from '../../gateway/kept-identity.ts';
import { LoadThreads } from '../../gateway/load-threads.ts';
import { onLogSignals } from '../log-signals.ts';
import { openConfiguredKeysFile } from '../../gateway/open-keys-file.ts';
import { keepLeaseNames } from '../../gateway/lease-names.ts';
import { keepQuotas } from '../../gateway/kept-quotas.ts';
import { trusted } from './relay-trust.ts';
import { RejectedReloads } from '../../gateway/rejected-reloads.ts';
import { runGateway, type RunningGateway } from '../../gateway/run-gateway.ts';
import { openSigningKeys } from '../../gateway/kept-signing-keys.ts';
import { aborted } from '../shutdown.ts';
import type { Terminal } from '../terminal.ts';

export interface StartOptions {
  readonly config?: string;
  readonly host?: string;
  readonly port?: number;
  readonly relay?: readonly string[];
  readonly caFile?: string;
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
  const { logger: log } = gatewayLog;
  let current = config;
  const threads = new LoadThreads();
  watching.defer(() => threads.close());
  const rejections = new RejectedReloads();
  const { gateway, credential } = await startGateway(parts, context, {
    ...{ config, log, threads, rejections },
    current: () => current,
  });
  for (const warning of loaded.warnings) log.warn(findingLine(warning));
  const watch = await watchConfig({
    files: loaded.files,
    load: (signal) => threads.config(options.config, flags, signal),
    ...reloading(config, { gateway, log, rejections }, (next) => {
      current = next;
      gatewayLog.level.configure(next.logging.level);
    }),
  });
  watching.defer(() => {
    watch.close();
  });
  parts.defer(watchExpiry(() => current, log));
  hangup.repeat();
  const relays = config.portal.relays.map(({ url }) => url);
  log.info({ url: gateway.url, identity: credential.id, relays }, 'listening');
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

interface GatewayStart {
  /** The configuration at the start of the process. */
  readonly config: Config;
  /** The configuration in use. */
  readonly current: () => Config;
  readonly log: Logger;
  readonly threads: LoadThreads;
  readonly rejections: RejectedReloads;
}

/** Opens what the gateway keeps in the state directory, and the keys file, and starts it. */
async function startGateway(
  parts: AsyncDisposableStack,
  context: CliContext,
  { config, current, log, threads, rejections }: GatewayStart,
): Promise<{ readonly gateway: RunningGateway; readonly credential: Credential }> {
  const credential = await identityOf(config, context, log);
  const { stateDirectory } = context.environment();
  const quotas = await keepQuotas(parts, config, { stateDirectory, log });
  const names = await keepLeaseNames(parts, config, { file: leaseNamesPath(stateDirectory), log });
  let keysChanged = (): Promise<void> => Promise.resolve();
  const keys = await openConfiguredKeysFile(parts, {
    config: current,
    load: (file, others, signal) => threads.keys(file, others, signal),
    log,
    rejections,
    changed: () => keysChanged(),
  });
  const signing = openSigningKeys(parts, assertionKeysPath(stateDirectory), log);
  const keyDigests = await openKeyDigests(keyDigestsPath(stateDirectory), (message, error) => {
    log.warn({ reason: reasonOf(error) }, message);
  });
  parts.defer(() => keyDigests.close());
  const gateway = await runGateway(parts, {
    ...{ config, credential, keys, quotas, names, signing },
    keyDigests: keyDigests.digests,
    details: () => ({ rejected_reloads: rejections.details() }),
  });
  keysChanged = gateway.keysChanged;
  // Keys may have changed while it began to listen.
  await keysChanged();
  return { gateway, credential };
}

function flagsOf({ host, port, relay, caFile }: StartOptions): FlagSetting[] {
  const flags: FlagSetting[] = [];
  if (host !== undefined) flags.push({ name: '--host', path: ['gateway', 'host'], value: host });
  if (port !== undefined) flags.push({ name: '--port', path: ['gateway', 'port'], value: port });
  if (relay !== undefined) {
    const value = [...new Set(relay)].map((url) => ({ url, ...(caFile !== undefined && { ca_file: caFile }) }));
    flags.push({ name: '--relay', path: ['portal', 'relays'], value });
  }
  return flags;
}

function configFault(faulty: Faulty, terminal: Terminal): CliFault {
  const [only, ...more] = faulty.faults.map((fault) => printable(findingLine(fault), maxLineCharacters));
  if (only !== undefined && more.length === 0) return new CliFault(only);
  for (const line of [only ?? '', ...more]) terminal.note(line);
  return new CliFault(`the configuration has ${more.length + 1} errors`);
}

/** Returns a function that stops it. */
function watchExpiry(config: () => Config, log: Logger): () => void {
  return watchCertificates({
    config,
    warn: (line) => {
      log.warn(line);
    },
    failed: (error) => {
      log.warn({ reason: reasonOf(error) }, 'cannot check the expiry of the certificates');
    },
  });
}

async function identityOf(config: Config, context: CliContext, log: Logger): Promise<Credential> {
  const { identity } = config.portal;
  if (identity !== '') return credentialFromPem(Buffer.from(identity));
  const file = gatewayIdentityPath(context.environment().stateDirectory);
  return keptIdentity(file, (reason) => {
    log.warn(
      { reason },
      'cannot store the identity, so it is new at each start, and apps that admit only this gateway reject it after a restart; ' +
        'set portal.identity, or set XDG_STATE_HOME to a directory that this user can write to',
    );
  });
}
