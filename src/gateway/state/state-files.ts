// Checks for `validate` the private files in the state directory of `start`. Creates none of them.
import type { Config } from '../../config/load/config.ts';
import type { Finding } from '../../config/source/origin.ts';
import {
  assertionKeysPath,
  gatewayIdentityPath,
  keyDigestsPath,
  leaseNamesPath,
} from '../../config/source/state-directory.ts';
import { futureRefusalOf, type PrivateKind } from '../../kernel/files/private-file.ts';
import { hasQuotas } from './kept-quotas.ts';
import { limitStoreOf } from '../limit-stores/limit-stores.ts';

interface StateFile {
  readonly what: string;
  readonly path: string;
  readonly kind: PrivateKind;
  readonly isUsed: boolean;
  /** `start` can run without it. */
  readonly isOptional?: true;
}

export interface StateFindings {
  readonly faults: readonly Finding[];
  readonly warnings: readonly Finding[];
}

export async function checkStateFiles(config: Config, directory: string): Promise<StateFindings> {
  const faults: Finding[] = [];
  const warnings: Finding[] = [];
  const reported = new Set<string>();
  for (const { what, path, kind, isUsed, isOptional } of stateFiles(config, directory)) {
    const fault = isUsed ? await futureRefusalOf(path, kind) : undefined;
    // All files may have the same fault, that of their directory.
    if (fault === undefined || reported.has(fault)) continue;
    reported.add(fault);
    const message = `${what} ${path} is refused: ${fault}`;
    (isOptional === true ? warnings : faults).push({ origin: undefined, message });
  }
  return { faults, warnings };
}

function stateFiles(config: Config, directory: string): StateFile[] {
  const { auth, portal } = config;
  const usageFile = limitStoreOf(config).usageFile(directory);
  const digests = keyDigestsPath(directory);
  return [
    {
      what: 'the identity file',
      path: gatewayIdentityPath(directory),
      kind: 'key',
      isUsed: portal.identity === '',
    },
    {
      what: 'the file of assertion keys',
      path: assertionKeysPath(directory),
      kind: 'key',
      isUsed: auth.assertion.enabled,
    },
    ...(usageFile === undefined
      ? []
      : [{ what: 'the quota file', path: usageFile, kind: 'secret' as const, isUsed: hasQuotas(config) }]),
    {
      what: 'the lease name file',
      path: leaseNamesPath(directory),
      kind: 'secret',
      isUsed: portal.nameBinding === 'strict',
    },
    { what: 'the key digest file', path: digests, kind: 'secret', isUsed: true, isOptional: true },
    { what: 'the key digest secret', path: `${digests}.secret`, kind: 'secret', isUsed: true, isOptional: true },
  ];
}
