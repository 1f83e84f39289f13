// Implements `explain`: shows which rule decides whether a key may call a lease. Uses the
// configuration alone, without a gateway or relay.
import { isIP } from 'node:net';
import type { Config } from '../../config/load/config.ts';
import { loadConfig } from '../../config/load/load.ts';
import { didYouMean, suggestionOf } from '../../config/schema/names.ts';
import { findingLine } from '../../config/source/origin.ts';
import { policyOf } from '../../config/load/to-policy.ts';
import { leaseNamesPath } from '../../config/source/state-directory.ts';
import { explainAccess, type Explanation } from '../../guard/access-explanation.ts';
import { foldName } from '../../kernel/lease-name.ts';
import { maskKeys } from '../../kernel/mask-keys.ts';
import { keyPolicies } from '../../keys/stored-key.ts';
import { printable, printableJson } from '../../kernel/printable.ts';
import { administeredUser } from '../../kernel/files/private-file.ts';
import { systemClock } from '../../kernel/clock.ts';
import { CliFault, failure, faultyConfig, usageFault } from '../fault.ts';
import type { CliContext } from '../context.ts';
import { readLeaseNames } from '../../gateway/lease-names-file.ts';
import { readConfiguredKeysFile } from '../../gateway/open-keys-file.ts';

export interface ExplainOptions {
  readonly config?: string;
  readonly key?: string;
  readonly lease: string;
  readonly id?: string;
  readonly method: string;
  readonly ip?: string;
  readonly upgrade?: boolean;
  readonly json?: boolean;
}

export async function explain(options: ExplainOptions, context: CliContext): Promise<void> {
  const { terminal, signal } = context;
  if (options.ip !== undefined && isIP(options.ip) === 0)
    throw usageFault(`--ip takes an IPv4 or IPv6 address, not "${printable(options.ip)}"`);
  const loaded = await loadConfig({ file: options.config, signal });
  if (!loaded.ok) {
    for (const fault of loaded.faults) terminal.note(printable(findingLine(fault)));
    throw faultyConfig(loaded.faults);
  }
  const more = await readConfiguredKeysFile(loaded.config);
  const [fault] = more.faults;
  if (fault !== undefined) throw failure(printable(findingLine(fault)), fault);
  const policy = policyOf(loaded.config, more.keys.flatMap(keyPolicies));
  const key = policy.auth.keys.find(({ id }) => id === options.key);
  if (options.key !== undefined && key === undefined) {
    const ids = policy.auth.keys.map(({ id }) => id);
    const shown = printable(maskKeys(options.key));
    throw usageFault(`there is no key with the id "${shown}"${suggestionOf(options.key, ids)}`);
  }
  const verdict = explainAccess(policy, {
    key,
    lease: options.lease,
    leaseId: options.id,
    acceptedId: policy.nameBinding === 'strict' ? await acceptedIdOf(options.lease, context) : undefined,
    method: options.method.toUpperCase(),
    upgrade: options.upgrade === true,
    clientIp: options.ip,
    nowMs: systemClock.wallMs(),
  });
  if (options.json === true) {
    const { stripPrefix, ...rest } = verdict;
    terminal.result(printableJson({ ...rest, strip_prefix: stripPrefix }));
  } else for (const line of linesOf(verdict)) terminal.result(printable(line));
  if (verdict.allowed) return;
  throw new CliFault(`refused: ${verdict.code ?? 'access_denied'}${nearRule(options.lease, loaded.config)}`);
}

/** A rule may be for a lease whose name differs by a typing error. */
function nearRule(lease: string, { leaseAcl, leases }: Config): string {
  const names = [...Object.keys(leaseAcl), ...Object.keys(leases)].filter((pattern) => !pattern.endsWith('*'));
  const folded = names.map(foldName);
  if (folded.includes(foldName(lease))) return '';
  const meant = didYouMean(foldName(lease), folded);
  return meant === undefined
    ? ''
    : `; there is a rule for ${JSON.stringify(printable(meant))}: did you mean that lease?`;
}

/**
 * As accepted by the gateway on this machine; undefined if there is none or its file is unreadable.
 */
async function acceptedIdOf(lease: string, { environment }: CliContext): Promise<string | undefined> {
  const file = leaseNamesPath(environment().stateDirectory);
  const { lines } = await readLeaseNames(file, 0, await administeredUser(file)).catch(() => ({ lines: [] }));
  return lines.findLast(({ name }) => name === foldName(lease))?.id;
}

function linesOf({ allowed, steps, stripPrefix }: Explanation): string[] {
  return [
    ...steps.map(({ passed, reason }) => `${passed ? 'yes' : 'no '}  ${reason}`),
    ...(stripPrefix ? [] : ['     strip_prefix is false: in path mode the app receives the path with /peer/<lease>']),
    allowed ? 'allowed' : 'refused',
  ];
}
