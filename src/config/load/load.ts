// Loads file, environment, flags and secrets and merges them to one frozen Config, or reports all
// faults at once. Has no side effects.
import process from 'node:process';
import { systemClock } from '../../kernel/clock.ts';
import { boundedByKind } from '../check/bounded-findings.ts';
import { checkCertificates } from '../check/certificates.ts';
import type { Config } from './config.ts';
import { configShape } from '../schema/config-shape.ts';
import { addEnvironmentKey, readEnvironmentLayer, type Variables } from '../source/environment-layer.ts';
import { validate, placed } from '../check/verdict.ts';
import type { LeaseRule } from '../source/lease-rule.ts';
import { addEnvironmentRules, overrideLeaseRules } from '../source/lease-rules.ts';
import { boundedFaults, byPosition, type Finding } from '../source/origin.ts';
import { type ConfigReading, emptyRoot, readConfig } from '../source/read-config.ts';
import { settleRelays } from '../schema/relays.ts';
import { configWarnings } from '../check/rules.ts';
import { resolveSecrets } from '../source/secrets/resolve.ts';
import { SeenFiles } from '../source/seen-files.ts';
import { nodeOf, put, type Sourced, type SourcedMap } from '../source/sourced.ts';

/** A setting given on the command line. */
export type FlagSetting = FlagValue | FlagRules;

interface FlagValue {
  /** As on the command line, `--port`. */
  readonly name: string;
  /** As in the file, `['gateway', 'port']`. */
  readonly path: readonly string[];
  readonly value: unknown;
}

interface FlagRules {
  readonly name: string;
  /** Override the rules of the same leases in the file and the environment. */
  readonly rules: readonly LeaseRule[];
}

export interface LoadOptions {
  /** Default: GATEWAY_CONFIG. If that is unset, no file is read. */
  readonly file?: string | undefined;
  readonly env?: Variables;
  readonly flags?: readonly FlagSetting[];
  readonly workingDirectory?: string;
  readonly signal?: AbortSignal;
  readonly now?: () => Date;
}

interface Loading {
  readonly file: string | undefined;
  readonly warnings: readonly Finding[];
  /** Every file that was read or looked for: a change of one of them requires a new load. */
  readonly files: SeenFiles;
}
export interface Loaded extends Loading {
  readonly ok: true;
  readonly config: Config;
  /** The origin of every value that is not a default. */
  readonly sources: Sourced;
}
export interface Faulty extends Loading {
  readonly ok: false;
  readonly faults: readonly Finding[];
  /** The valid part of the configuration, for counting only; undefined when there is none. */
  readonly rest: Config | undefined;
}
export type LoadResult = Loaded | Faulty;

/** For all secret managers together; each of them also has a shorter timeout. */
const timeoutMs = 20_000;

/** Never rejects because of the content of the file, the environment or the secrets. */
export async function loadConfig(options: LoadOptions = {}): Promise<LoadResult> {
  const {
    env = process.env,
    flags = [],
    workingDirectory = process.cwd(),
    now = () => new Date(systemClock.wallMs()),
  } = options;
  const named = env['GATEWAY_CONFIG'];
  const file = options.file ?? (named === '' ? undefined : named);
  const files = new SeenFiles();
  const reading = file === undefined ? noFile() : await readConfig(file, workingDirectory, files);
  const { root, broken } = reading;
  const environment = readEnvironmentLayer(configShape, env);
  for (const { path, node } of environment.values) put(root, path, node);
  const aclFaults = addEnvironmentRules(root, env);
  for (const flag of flags) addFlag(root, flag);
  addEnvironmentKey(root, env);
  const relayFaults = settleRelays(root);
  const signal = AbortSignal.any([
    AbortSignal.timeout(timeoutMs),
    ...(options.signal === undefined ? [] : [options.signal]),
  ]);
  const secrets = await resolveSecrets(root, configShape, { env, workingDirectory, files, signal, now });

  const verdict = validate(root, secrets.unresolved, workingDirectory);
  const { config } = verdict;
  // A file that cannot be read does not allow checks across settings.
  const certificates = config === undefined || broken ? undefined : await checkCertificates(config, files, now());
  const settingFaults = [
    ...[...reading.faults, ...environment.faults, ...aclFaults, ...relayFaults],
    ...[...secrets.faults, ...verdict.faults],
  ];
  // The rest of a faulty configuration may give warnings only because parts are missing.
  const settingWarnings = config === undefined || settingFaults.length > 0 ? [] : configWarnings(config);
  const faults = [...settingFaults, ...(certificates?.faults ?? []).map((fault) => placed(root, fault))].sort(
    byPosition,
  );
  const warnings = boundedByKind(
    [
      ...[...reading.warnings, ...environment.warnings, ...secrets.warnings],
      ...[...settingWarnings, ...(certificates?.warnings ?? [])].map((warning) => placed(root, warning)),
    ].sort(byPosition),
  );
  const loading: Loading = { file, warnings, files };
  if (faults.length === 0 && config !== undefined) return { ...loading, ok: true, config, sources: root };
  return { ...loading, ok: false, faults: boundedFaults(faults), rest: broken ? undefined : config };
}

function noFile(): ConfigReading {
  return { root: emptyRoot(), faults: [], warnings: [], broken: false };
}

function addFlag(root: SourcedMap, flag: FlagSetting): void {
  const origin = { kind: 'flag', name: flag.name } as const;
  if ('rules' in flag) overrideLeaseRules(root, flag.rules, origin);
  else put(root, flag.path, nodeOf(flag.path, origin, flag.value));
}
