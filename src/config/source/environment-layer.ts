// Reads settings from environment variables: one rule for all names (names.ts), one alias, and
// variables of Kubernetes, which are ignored.
import { laterEnvironment, laterSections } from '../schema/unsupported.ts';
import { environmentName } from '../schema/names.ts';
import { isMisnamedRelay, isServiceLink, nearVariable } from './environment.ts';
import type { Finding, Origin } from './origin.ts';
import { fixedSettings, type ListShape, type Placed, type ScalarShape, type SectionShape } from '../schema/shape.ts';
import { isNothing, listNode, mapNode, nodeOf, put, scalarNode, type Sourced, type SourcedMap } from './sourced.ts';

export type Variables = Readonly<Record<string, string | undefined>>;

export interface EnvironmentLayer {
  readonly values: readonly { readonly path: readonly string[]; readonly node: Sourced }[];
  readonly faults: readonly Finding[];
  readonly warnings: readonly Finding[];
}

/** Other names of settings, used when the variable with the regular name is not set. */
const aliases: Readonly<Record<string, string>> = { LOGGING_LEVEL: 'GATEWAY_LOG_LEVEL' };
/** Read elsewhere: the file to load, and the additional key (see addEnvironmentKey). */
const ours = new Set(['GATEWAY_CONFIG', 'GATEWAY_API_KEY', ...Object.values(aliases)]);

/**
 * Kubernetes sets these for each Service NAME of the namespace ("Environment variables for
 * Services").
 */
const kubernetesName = /_SERVICE_(?:HOST|PORT(?:_\w+)?)$|_PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?$/;

/** An empty variable counts as unset. */
export function readEnvironmentLayer(root: SectionShape, variables: Variables): EnvironmentLayer {
  const settings = new Map(Array.from(fixedSettings(root), (setting) => [environmentName(setting.path), setting]));
  const faults: Finding[] = [];
  const warnings: Finding[] = [];
  const values: { path: readonly string[]; node: Sourced }[] = [];
  const injected: string[] = [];
  const known = [...settings.keys(), ...ours, 'LEASE_ACL'];
  const later = laterEnvironment();
  const beginnings = [...root.fields.keys(), ...laterSections()].map((section) => `${section.toUpperCase()}_`);

  for (const [name, text] of Object.entries(variables).sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (text === undefined || text === '') continue;
    const origin: Origin = { kind: 'environment', name };
    if (!beginnings.some((beginning) => name.startsWith(beginning))) {
      if (isMisnamedRelay(name, variables)) warnings.push({ origin, message: unused(nearVariable(name, known)) });
      continue;
    }
    const setting = settings.get(name) ?? settings.get(ruleName(name, variables));
    const laterMessage = later.get(name);
    if (kubernetesName.test(name) || isServiceLink(text)) injected.push(name);
    else if (setting !== undefined) values.push({ path: setting.path, node: valueOf(setting, origin, text) });
    else if (laterMessage !== undefined) faults.push({ origin, message: laterMessage });
    else if (!ours.has(name)) {
      warnings.push({ origin, message: unused(nearVariable(name, known)) });
    }
  }
  if (injected.length > 0) warnings.push(injectedWarning(injected));
  return { values, faults, warnings };
}

/** Adds GATEWAY_API_KEY as one more key to those of the file. */
export function addEnvironmentKey(root: SourcedMap, variables: Variables): void {
  const key = variables['GATEWAY_API_KEY'];
  if (key === undefined || key === '') return;
  const origin: Origin = { kind: 'environment', name: 'GATEWAY_API_KEY' };
  const auth = root.entries.get('auth')?.node;
  let keys = auth?.kind === 'map' ? auth.entries.get('keys')?.node : undefined;
  if (keys === undefined || isNothing(keys)) {
    keys = listNode(['auth', 'keys'], origin, []);
    put(root, ['auth', 'keys'], keys);
  }
  if (keys.kind !== 'list') return;
  const path = ['auth', 'keys', keys.items.length];
  const node = mapNode(path, origin);
  node.entries.set('id', { named: origin, node: nodeOf([...path, 'id'], origin, 'environment') });
  node.entries.set('key', { named: origin, node: nodeOf([...path, 'key'], origin, key) });
  keys.items.push(node);
}

function unused(meant: string | undefined): string {
  const suggestion = meant === undefined ? '' : `; did you mean ${meant}?`;
  return `is not a setting of the gateway and has no effect${suggestion}`;
}

function ruleName(name: string, variables: Variables): string {
  const rule = Object.keys(aliases).find((known) => aliases[known] === name);
  return rule !== undefined && (variables[rule] ?? '') === '' ? rule : '';
}

function valueOf({ path, shape }: Placed<ScalarShape | ListShape>, origin: Origin, text: string): Sourced {
  if (shape.kind === 'scalar') return scalarNode(path, origin, typed(shape, text));
  const { item } = shape;
  const items = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part, i) => scalarNode([...path, i], origin, item.kind === 'scalar' ? typed(item, part) : part));
  return listNode(path, origin, items);
}

/** Parses text as YAML would. Other text stays text, and the schema reports it. */
function typed({ scalar }: ScalarShape, text: string): unknown {
  if (scalar === 'number') return /^[+-]?\d+(?:\.\d+)?$/.test(text.trim()) ? Number(text) : text;
  if (scalar !== 'flag') return text;
  const word = text.trim().toLowerCase();
  if (['true', '1', 'yes', 'on'].includes(word)) return true;
  return ['false', '0', 'no', 'off'].includes(word) ? false : text;
}

function injectedWarning(names: readonly string[]): Finding {
  const shown = names.slice(0, 3).join(', ') + (names.length > 3 ? ` and ${names.length - 3} more` : '');
  return {
    origin: undefined,
    message: `the environment has variables that Kubernetes sets for its Services, which are ignored: ${shown}; set "enableServiceLinks: false" in the pod to remove them`,
  };
}
