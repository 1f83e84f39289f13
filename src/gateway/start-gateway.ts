// Starts the gateway of `start` from a loaded configuration: opens its state directory and keys
// file, listens, and reloads until it is disposed of. The caller loads the configuration and opens
// the log.
import type { Config } from '../config/load/config.ts';
import type { RunningConfig } from '../config/load/digested-keys.ts';
import type { FlagSetting } from '../config/load/load.ts';
import { watchConfig } from '../config/load/reload.ts';
import { findingLine } from '../config/source/origin.ts';
import {
  assertionKeysPath,
  gatewayIdentityPath,
  keyDigestsPath,
  leaseNamesPath,
} from '../config/source/state-directory.ts';
import { reasonOf } from '../kernel/reason.ts';
import { openKeyDigests } from '../keys/key-digests-file.ts';
import type { GatewayLog, Logger } from '../observe/logs/log.ts';
import { credentialFromPem } from '../portal/identity.ts';
import type { Credential } from '../portal/index.ts';
import { watchCertificates } from './certificate-expiry.ts';
import { reloading } from './config-reload.ts';
import { keptIdentity } from './state/kept-identity.ts';
import { keepQuotas } from './state/kept-quotas.ts';
import { openSigningKeys } from './state/kept-signing-keys.ts';
import { keepLeaseNames } from './lease-names.ts';
import { LoadThreads } from './load-threads.ts';
import { openConfiguredKeysFile } from './open-keys-file.ts';
import { RejectedReloads } from './rejected-reloads.ts';
import { runGateway, type RunningGateway } from './run-gateway.ts';

export interface GatewayStart {
  /** The configuration at the start of the process. */
  readonly loaded: Extract<RunningConfig, { readonly ok: true }>;
  /** The arguments of the load, for reloads. */
  readonly source: { readonly file: string | undefined; readonly flags: readonly FlagSetting[] };
  readonly stateDirectory: string;
  /** The caller closes it. */
  readonly log: GatewayLog;
}

export interface GatewayStacks {
  /** Disposed of last: a SIGHUP during the drain must not end the process. */
  readonly watching: AsyncDisposableStack;
  /** Drains the gateway and closes its files. */
  readonly parts: AsyncDisposableStack;
}

export interface StartedGateway {
  readonly url: string;
  /** Of the admin listener; undefined without `admin.port`. */
  readonly adminUrl: string | undefined;
  /** The id of the gateway's identity. */
  readonly identity: string;
  /** The maximum duration of a drain. */
  drainMs(): number;
}

/** The parts of a start that all steps need. */
interface Starting extends Pick<GatewayStart, 'stateDirectory'> {
  readonly config: Config;
  /** The configuration in use. */
  readonly current: () => Config;
  readonly log: Logger;
  readonly threads: LoadThreads;
  readonly rejections: RejectedReloads;
}

/**
 * Listens and reloads when this resolves. Throws StartError, TlsSettingsError, KeysFileError and
 * PortalError.
 */
export async function startGateway(
  { watching, parts }: GatewayStacks,
  { loaded, source, stateDirectory, log: gatewayLog }: GatewayStart,
): Promise<StartedGateway> {
  const { config } = loaded;
  const { logger: log, level } = gatewayLog;
  let current = config;
  const threads = new LoadThreads();
  watching.defer(() => threads.close());
  const rejections = new RejectedReloads();
  const credential = await identityOf(config, stateDirectory, log);
  const gateway = await openGateway(parts, credential, {
    ...{ config, stateDirectory, log, threads, rejections },
    current: () => current,
  });
  for (const warning of loaded.warnings) log.warn(findingLine(warning));
  const watch = await watchConfig({
    files: loaded.files,
    load: (signal) => threads.config(source.file, source.flags, signal),
    ...reloading(config, { gateway, log, rejections }, (next) => {
      current = next;
      level.configure(next.logging.level);
    }),
  });
  watching.defer(() => {
    watch.close();
  });
  parts.defer(watchExpiry(() => current, log));
  const { url, adminUrl } = gateway;
  return { url, adminUrl, identity: credential.id, drainMs: () => gateway.drainMs() };
}

/** Opens the files of the state directory and the keys file, and starts the gateway with them. */
async function openGateway(
  parts: AsyncDisposableStack,
  credential: Credential,
  { config, current, stateDirectory, log, threads, rejections }: Starting,
): Promise<RunningGateway> {
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
  return gateway;
}

async function identityOf(config: Config, stateDirectory: string, log: Logger): Promise<Credential> {
  const { identity } = config.portal;
  if (identity !== '') return credentialFromPem(Buffer.from(identity));
  return keptIdentity(gatewayIdentityPath(stateDirectory), (reason) => {
    log.warn(
      { reason },
      'cannot store the identity, so it is new at each start, and apps that admit only this gateway reject it after a restart; ' +
        'set portal.identity, or set XDG_STATE_HOME to a directory that this user can write to',
    );
  });
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
