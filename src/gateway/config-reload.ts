// Applies reloads of the configuration to a running gateway, all or nothing, and reports the
// outcome in the log, in metrics and in /health/details. config/load/reload.ts decides when.
import type { Config } from '../config/load/config.ts';
import type { RunningConfig } from '../config/load/digested-keys.ts';
import type { ReloadReason, WatchOptions } from '../config/load/reload.ts';
import { restartOnly } from '../config/load/restart.ts';
import { findingLine } from '../config/source/origin.ts';
import { configReloaded, type ConfigReloaded } from '../kernel/events.ts';
import { reasonOf } from '../kernel/reason.ts';
import { each, Slices } from '../kernel/work/slices.ts';
import type { Logger } from '../observe/logs/log.ts';
import { TlsSettingsError } from '../kernel/errors/tls-settings-error.ts';
import type { RejectedReloads } from './rejected-reloads.ts';
import type { RunningGateway } from './run-gateway.ts';
import { StartError } from './start-error.ts';

export interface Reloading {
  readonly gateway: Pick<RunningGateway, 'apply'>;
  readonly log: Logger;
  readonly rejections: RejectedReloads;
}

export type ReloadHandlers = Pick<WatchOptions<RunningConfig>, 'apply' | 'failed' | 'unwatched'>;

/**
 * `initial`: the configuration at the start of the process. `applied`: called with each one that is
 * applied.
 */
export function reloading(initial: Config, parts: Reloading, applied: (config: Config) => void): ReloadHandlers {
  const { log, rejections } = parts;
  return {
    apply: reloader(initial, parts, applied),
    failed: (error) => {
      log.error({ reason: reasonOf(error) }, 'cannot load the configuration; the current one stays in use');
      publishReload('rejected');
      rejections.reject('configuration', ['cannot load the configuration; see the log for the reason']);
    },
    unwatched: (directory, error) => {
      log.warn(
        { directory, reason: reasonOf(error) },
        'cannot watch this directory, so changes are noticed late; send SIGHUP after a change',
      );
    },
  };
}

/** All or nothing: a faulty configuration changes nothing. */
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
        log.warn({ setting }, `${setting} has changed; the new value takes effect after a restart`);
      }
      log.info({ reason }, 'configuration reloaded');
    } else {
      await slices.run(
        each(faults, (line) => {
          log.error(line);
        }),
      );
      rejections.reject('configuration', faults);
      log.error({ reason, faults: faults.length }, 'configuration rejected; the current one stays in use');
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
async function faultsOf(gateway: Reloading['gateway'], config: Config): Promise<readonly string[]> {
  try {
    await gateway.apply(config);
    return [];
  } catch (error) {
    if (!(error instanceof TlsSettingsError || error instanceof StartError)) throw error;
    return [error.message];
  }
}
