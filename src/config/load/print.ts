// Prints the effective configuration as YAML: every setting with its origin, secrets as `***`.
// Apart from the secrets the output can be loaded again.
import { stringify } from 'yaml';
import type { Config } from './config.ts';
import { configShape } from '../schema/config-shape.ts';
import { spelled } from '../schema/fields.ts';
import { escaped, propertyName } from '../schema/names.ts';
import { showOrigin } from '../source/origin.ts';
import type { Path, Shape } from '../schema/shape.ts';
import { nodeAt, type Sourced } from '../source/sourced.ts';

const hidden = '***';
/** The column in which origins start, where lines are short enough. */
const originColumn = 48;

interface Row {
  readonly text: string;
  readonly origin: string;
}

/** Lines of YAML, with the origin of each value as a trailing comment. */
export function printConfig(config: Config, sources: Sourced): string[] {
  return Array.from(rowsOf(config, configShape, [], sources, ''), ({ text, origin }) =>
    origin === '' ? text : `${text.padEnd(originColumn)} # ${escaped(origin)}`,
  );
}

/** The same as data: path, value and origin of each setting. */
export function configTable(config: Config, sources: Sourced): { path: Path; value: unknown; origin: string }[] {
  return Array.from(leavesOf(config, configShape, [], sources));
}

function* leavesOf(
  value: unknown,
  shape: Shape,
  path: Path,
  sources: Sourced,
): Generator<{ path: Path; value: unknown; origin: string }> {
  const children = childrenOf(value, shape, path, sources);
  if (children === undefined || children.length === 0) {
    yield { path, value: shown(value, shape, path, sources), origin: originOf(sources, path) };
    return;
  }
  for (const child of children) yield* leavesOf(child.value, child.shape, [...path, child.step], sources);
}

function* rowsOf(value: unknown, shape: Shape, path: Path, sources: Sourced, indent: string): Generator<Row> {
  for (const child of childrenOf(value, shape, path, sources) ?? []) {
    const childPath = [...path, child.step];
    const name = typeof child.step === 'number' ? '-' : `${key(child.step)}:`;
    const inner = childrenOf(child.value, child.shape, childPath, sources);
    if (inner === undefined) {
      const text = `${indent}${name} ${scalarText(shown(child.value, child.shape, childPath, sources))}`;
      yield { text, origin: originOf(sources, childPath) };
    } else if (inner.length === 0) {
      yield {
        text: `${indent}${name} ${child.shape.kind === 'list' ? '[]' : '{}'}`,
        origin: originOf(sources, childPath),
      };
    } else if (name === '-') {
      // The first setting of an item is on the line of its dash.
      const [first, ...rest] = rowsOf(child.value, child.shape, childPath, sources, `${indent}  `);
      if (first !== undefined) yield { ...first, text: `${indent}- ${first.text.trimStart()}` };
      yield* rest;
    } else {
      yield { text: `${indent}${name}`, origin: '' };
      yield* rowsOf(child.value, child.shape, childPath, sources, `${indent}  `);
    }
  }
}

interface Child {
  readonly step: string | number;
  readonly shape: Shape;
  readonly value: unknown;
}

/** Undefined for a scalar. */
function childrenOf(value: unknown, shape: Shape, path: Path, sources: Sourced): Child[] | undefined {
  switch (shape.kind) {
    case 'scalar':
      return undefined;
    case 'list':
      return (value as unknown[]).map((item, step) => ({ step, shape: shape.item, value: item }));
    case 'map':
      return Object.entries(value as object).map(([step, entry]) => ({
        step,
        shape: shape.entry,
        value: entry as unknown,
      }));
    case 'section':
      return Array.from(shape.fields, ([step, field]) => ({
        step,
        shape: field,
        value: (value as Record<string, unknown>)[propertyName(step, field)],
      })).filter((child) => child.value !== undefined && !isTheOtherForm([...path, child.step], sources));
  }
}

/** Hides the unused one of portal.relays and portal.relay_url. */
function isTheOtherForm(path: Path, sources: Sourced): boolean {
  if (path.length !== 2 || path[0] !== 'portal') return false;
  const long = nodeAt(sources, ['portal', 'relays']);
  const listed = long?.kind === 'list' && long.items.length > 0;
  return path[1] === (listed ? 'relay_url' : 'relays');
}

function shown(value: unknown, shape: Shape, path: Path, sources: Sourced): unknown {
  if (shape.kind !== 'scalar') return value;
  const node = nodeAt(sources, path);
  const { secret: kind } = shape.meta;
  const secret = kind === 'always' || kind === 'private' || (node?.kind === 'scalar' && node.secret);
  if (secret) return value === '' ? '' : hidden;
  if (typeof value === 'number') return spelled(shape.meta, value);
  return kind === 'possible' && typeof value === 'string' ? withoutSecrets(value) : value;
}

/**
 * Masks values that are allowed in the file but not on screens and in tickets: bcrypt hashes and
 * passwords in URLs.
 */
function withoutSecrets(text: string): string {
  if (/^\$2[aby]\$/.test(text)) return hidden;
  return text.replace(/^([a-z]+:\/\/[^/?#:]*:)[^/?#]*@/i, `$1${hidden}@`);
}

function originOf(sources: Sourced, path: Path): string {
  const node = nodeAt(sources, path);
  return node === undefined ? 'default' : showOrigin(node.origin);
}

/** Quoted only where YAML would not read the plain text back unchanged. */
function scalarText(value: unknown): string {
  const text = stringify(value, { lineWidth: 0 }).trimEnd();
  return escaped(text) === text ? text : escaped(JSON.stringify(value));
}

function key(name: string): string {
  return /^[A-Za-z_][\w-]*$/.test(name) ? name : escaped(JSON.stringify(name));
}
