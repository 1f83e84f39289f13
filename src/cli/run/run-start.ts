// Implements `start`: runs the gateway in the foreground, reloading its configuration, until it is
// asked to stop.
import type { Config } from '../../config/load/config.ts';
import { type RunningConfig, withDigestedKeys } from '../../config/load/digested-keys.ts';
import { type Faulty, loadConfig, type FlagSetting } from '../../config/load/load.ts';
import { findingLine } from '../../config/source/origin.ts';
import { type ReloadReason, watchConfig, type WatchOptions } from '../../config/load/reload.ts';
import { restartOnly } from '../../config/load/restart.ts';
import {
  assertionKeysPath,
  gatewayIdentityPath,
  keyDigestsPath,
  leaseNamesPath,
} from '../../config/source/state-directory.ts';
import { configReloaded, type ConfigReloaded } from '../../kernel/events.ts';
import { each, Slices } from '../../kernel/work/slices.ts';
import { openKeyDigests } from '../../keys/key-digests-file.ts';
import { credentialFromPem } from '../../portal/identity.ts';
import type { Credential } from '../../portal/index.ts';
import { printable } from '../../kernel/printable.ts';
import { reasonOf } from '../../kernel/reason.ts';
import { createLog, type Logger } from '../../observe/logs/log.ts';
import { TlsSettingsError } from '../../server/listen/tls-contexts.ts';
import { watchCertificates } from '../../gateway/certificate-watch.ts';
import { StartError } from '../../gateway/start-error.ts';
import { CliFault, usageFault } from '../fault.ts';
import type { CliContext } from '../context.ts';
import type { EarlyHangup } from '../early-hangup.ts';
import { keptIdentity } from '../../gateway/kept-identity.ts';
import { LoadThreads } from '../../gateway/load-threads.ts';
import { onLogSignals } from '../log-signals.ts';
import { openMoreKeys } from '../../gateway/keys-source.ts';
import { keepLeaseNames } from '../../gateway/lease-names.ts';
import { keepQuotas } from '../../gateway/kept-quotas.ts';
import { trusted } from './relay-trust.ts';
import { RejectedReloads } from '../../gateway/rejected-reloads.ts';
import { runGateway, type RunningGateway } from '../../gateway/run-gateway.ts';
import { SigningKeys } from '../../gateway/kept-signing-keys.ts';
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
  const gatewayLog = createLog(config.logging, (line) => {
    context.terminal.note(printable(line, maxLineCharacters));
  });
  const { logger: log } = gatewayLog;
  parts.defer(gatewayLog.close);
  parts.defer(onLogSignals(gatewayLog));
  const credential = await identityOf(config, context, log);
  const { stateDirectory } = context.environment();
  const quotas = await keepQuotas(parts, config, { stateDirectory, log });
  const names = await keepLeaseNames(parts, config, { file: leaseNamesPath(stateDirectory), log });
  let current = config;
  let keysChanged = (): Promise<void> => Promise.resolve();
  const threads = new LoadThreads();
  watching.defer(() => threads.close());
  const rejections = new RejectedReloads();
  const keys = await openMoreKeys(parts, {
    config: () => current,
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
  const { digests } = keyDigests;
  const gateway = await runGateway(parts, {
    ...{ config, credential, keys, quotas, names, signing },
    keyDigests: digests,
    details: () => ({ rejected_reloads: rejections.details() }),
  });
  keysChanged = gateway.keysChanged;
  // Keys may have changed while it began to listen.
  await keysChanged();
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
  return new CliFault(`the configuration has ${more.length + 1} faults`);
}

interface Reloading {
  readonly gateway: RunningGateway;
  readonly log: Logger;
  readonly rejections: RejectedReloads;
}

function openSigningKeys(parts: AsyncDisposableStack, file: string, log: Logger): SigningKeys {
  const signing = new SigningKeys(
    file,
    (error) => {
      log.warn({ reason: reasonOf(error) }, 'the keys of assertions could not be looked at; those before stay in use');
    },
    (reason) => {
      log.warn(
        { reason },
        'the keys of assertions are new at each start; set XDG_STATE_HOME to a directory that this user can write to',
      );
    },
  );
  parts.defer(() => {
    signing.close();
  });
  return signing;
}

/** Returns a function that stops it. */
function watchExpiry(config: () => Config, log: Logger): () => void {
  return watchCertificates({
    config,
    warn: (line) => {
      log.warn(line);
    },
    failed: (error) => {
      log.warn({ reason: reasonOf(error) }, 'cannot check how long the certificates are valid');
    },
  });
}

type ReloadHandlers = Pick<WatchOptions<RunningConfig>, 'apply' | 'failed' | 'unwatched'>;

function reloading(initial: Config, parts: Reloading, applied: (config: Config) => void): ReloadHandlers {
  const { log, rejections } = parts;
  return {
    apply: reloader(initial, parts, applied),
    failed: (error) => {
      log.error({ reason: reasonOf(error) }, 'the configuration could not be loaded; the one before stays in use');
      publishReload('rejected');
      rejections.reject('configuration', ['the configuration could not be loaded; the log has the reason']);
    },
    unwatched: (directory, error) => {
      log.warn({ directory, reason: reasonOf(error) }, 'changes here are noticed late; send SIGHUP after one');
    },
  };
}

/**
 * All or nothing: a faulty configuration changes nothing. `initial`: the configuration at the start
 * of the process.
 */
function reloader(
  initial: Config,
  { gateway, log, rejections }: Reloading,
  applied: (config: Config) => void,
): (result: RunningConfig, reason: ReloadReason) => Promise<void> {
  return async (result, reason) => {
    const slices = new Slices();
    await slices.run(
      each(result.warnings, (warning) => {
        log.warn(findingLine(warning));
      }),
    );
    const faults = result.ok ? await faultsOf(gateway, result.config) : result.faults.map(findingLine);
    const outcome = result.ok && faults.length === 0 ? 'applied' : 'rejected';
    if (result.ok && faults.length === 0) {
      applied(result.config);
      rejections.apply('configuration');
      for (const setting of restartOnly(initial, result.config)) {
        log.warn({ setting }, `${setting} is not what this process was started with: it takes effect after a restart`);
      }
      log.info({ reason }, 'configuration reloaded');
    } else {
      await slices.run(
        each(faults, (line) => {
          log.error(line);
        }),
      );
      rejections.reject('configuration', faults);
      log.error({ reason, faults: faults.length }, 'configuration rejected; the one before stays in use');
    }
    publishReload(outcome);
  };
}

function publishReload(outcome: ConfigReloaded['outcome']): void {
  if (configReloaded.hasSubscribers) configReloaded.publish({ outcome } satisfies ConfigReloaded);
}

/**
 * Faults that appear only on use: a certificate that OpenSSL rejects, a file that other users can
 * change.
 */
async function faultsOf(gateway: RunningGateway, config: Config): Promise<readonly string[]> {
  try {
    await gateway.apply(config);
    return [];
  } catch (error) {
    if (!(error instanceof TlsSettingsError || error instanceof StartError)) throw error;
    return [error.message];
  }
}

async function identityOf(config: Config, context: CliContext, log: Logger): Promise<Credential> {
  const { identity } = config.portal;
  if (identity !== '') return credentialFromPem(Buffer.from(identity));
  const file = gatewayIdentityPath(context.environment().stateDirectory);
  return keptIdentity(file, (reason) => {
    log.warn(
      { reason },
      'the identity is new at each start, because it cannot be kept: apps that admit only this gateway refuse it after a restart; ' +
        'set portal.identity, or set XDG_STATE_HOME to a directory that this user can write to',
    );
  });
}
