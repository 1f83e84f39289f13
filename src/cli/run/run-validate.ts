// Implements `validate`: prints every fault of the configuration in a form that editors and CI
// understand, then a summary.
import type { Config, RelayConfig } from '../../config/load/config.ts';
import { loadConfig } from '../../config/load/load.ts';
import { type Finding, findingLine } from '../../config/source/origin.ts';
import { PortalError } from '../../portal/index.ts';
import { printable, printableJson } from '../../kernel/printable.ts';
import { commonTemporary, type MayPass } from '../../kernel/errors/temporary-fault.ts';
import { TlsSettingsError } from '../../kernel/errors/tls-settings-error.ts';
import { failure, temporaryOf } from '../fault.ts';
import type { CliContext } from '../context.ts';
import { connectForLists } from '../../gateway/connect-for-lists.ts';
import { type StoredKeys, readConfiguredKeysFile } from '../../gateway/open-keys-file.ts';
import { checkStateFiles } from '../../gateway/state/state-files.ts';
import { readAuthorities } from '../../gateway/tls-settings.ts';

export interface ValidateOptions {
  readonly config?: string;
  readonly checkRelays?: boolean;
  readonly json?: boolean;
}

const maxLineCharacters = 1000;
const relayTimeoutMs = 15_000;

export async function validate(options: ValidateOptions, context: CliContext): Promise<void> {
  const { terminal, signal } = context;
  const result = await loadConfig({ file: options.config, signal });
  const config = result.ok ? result.config : result.rest;
  const relays = options.checkRelays === true && config !== undefined ? await checkRelays(config, signal) : [];
  const more = config === undefined ? undefined : await readConfiguredKeysFile(config);
  const state = config === undefined ? undefined : await checkStateFiles(config, context.environment().stateDirectory);
  const found = [...(result.ok ? [] : result.faults), ...(more?.faults ?? []), ...(state?.faults ?? [])];
  const warnings = [...result.warnings, ...(state?.warnings ?? [])];
  const unreached = relays.filter(({ fault }) => fault !== undefined);
  const faults = [...found.map(findingLine), ...unreached.map(({ fault = '' }) => fault)];
  if (options.json === true) {
    const counts = config === undefined ? {} : countsOf(config, more);
    terminal.result(
      printableJson({
        valid: faults.length === 0,
        ...findings(found, warnings),
        relays: relays.map(shownCheck),
        counts,
      }),
    );
  } else {
    for (const warning of warnings) terminal.note(printable(`warning: ${findingLine(warning)}`, maxLineCharacters));
    for (const fault of faults) terminal.result(printable(fault, maxLineCharacters));
    for (const { url, leases } of relays) {
      if (leases !== undefined) terminal.result(printable(`${url}: connected, ${counted(leases, 'lease')}`));
    }
  }
  const what = result.file ?? 'the configuration';
  const holds = config === undefined ? '' : `: ${countsText(config, more)}`;
  if (faults.length > 0) {
    const summary = `${printable(what)} has ${counted(faults.length, 'error')}${holds}`;
    throw failure(summary, { temporary: commonTemporary([...found, ...unreached]) });
  }
  if (options.json !== true) terminal.result(`${printable(what)} is valid${holds}`);
}

interface RelayCheck extends MayPass {
  readonly url: string;
  readonly leases?: number;
  readonly fault?: string;
}

function shownCheck({ url, leases, fault }: RelayCheck): object {
  return { url, leases, fault };
}

/** Connect errors already name the relay; errors of an open connection do not. */
function named(url: string, message: string): string {
  return message.startsWith(`relay ${url} `) ? message : `relay ${url}: ${message}`;
}

function checkRelays(config: Config, signal: AbortSignal): Promise<RelayCheck[]> {
  return Promise.all(config.portal.relays.map((relay) => checkRelay(relay, signal)));
}

async function checkRelay({ url, caFile }: RelayConfig, signal: AbortSignal): Promise<RelayCheck> {
  const inTime = AbortSignal.any([signal, AbortSignal.timeout(relayTimeoutMs)]);
  try {
    const ca = caFile === '' ? undefined : await readAuthorities('its ca_file', caFile);
    const transport = await connectForLists(url, ca, inTime);
    try {
      return { url, leases: (await transport.list(inTime)).length };
    } finally {
      await transport.close();
    }
  } catch (error) {
    if (error instanceof PortalError) return { url, fault: named(url, error.message), temporary: temporaryOf(error) };
    if (error instanceof TlsSettingsError) return { url, fault: `relay ${url}: ${error.message}` };
    throw error;
  }
}

function countsOf(config: Config, more: StoredKeys | undefined): { keys: number; rules: number; relays: number } {
  return {
    keys: config.auth.keys.length + (more?.keys.length ?? 0),
    rules: Object.keys(config.leaseAcl).length,
    relays: config.portal.relays.length,
  };
}

function countsText(config: Config, more: StoredKeys | undefined): string {
  const { keys, rules, relays } = countsOf(config, more);
  return `${counted(keys, 'key')}, ${counted(rules, 'rule')}, ${counted(relays, 'relay')}`;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

interface FindingLists {
  readonly faults: readonly object[];
  readonly warnings: readonly object[];
  /** The number of warnings that are not listed. */
  readonly warnings_left_off: number;
}

function findings(faults: readonly Finding[], warnings: readonly Finding[]): FindingLists {
  const data = ({ origin, message }: Finding): object => ({ ...origin, message });
  const listed = warnings.filter(({ leftOff }) => leftOff === undefined);
  const leftOff = warnings.reduce((sum, warning) => sum + (warning.leftOff ?? 0), 0);
  return { faults: faults.map(data), warnings: listed.map(data), warnings_left_off: leftOff };
}
