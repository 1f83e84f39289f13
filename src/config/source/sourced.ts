// Configuration values together with their origins: a tree into which the file, the environment and
// flags are merged before the schema validates it.
import type { Origin } from './origin.ts';
import { childShape, type Path, type Shape } from '../schema/shape.ts';

interface Placed {
  /** The original path; it does not change when other nodes are removed. */
  readonly path: Path;
  readonly origin: Origin;
}
export interface SourcedScalar extends Placed {
  readonly kind: 'scalar';
  value: unknown;
  /** The value stands for a secret and is never shown. */
  secret: boolean;
}
export interface SourcedList extends Placed {
  readonly kind: 'list';
  readonly items: Sourced[];
}
export interface SourcedMap extends Placed {
  readonly kind: 'map';
  readonly entries: Map<string, SourcedEntry>;
}
export interface SourcedEntry {
  /** The position of the name. */
  readonly named: Origin;
  readonly node: Sourced;
}
export type Sourced = SourcedScalar | SourcedList | SourcedMap;

export function scalarNode(path: Path, origin: Origin, value: unknown): SourcedScalar {
  return { kind: 'scalar', path, origin, value, secret: false };
}

export function listNode(path: Path, origin: Origin, items: Sourced[]): SourcedList {
  return { kind: 'list', path, origin, items };
}

export function mapNode(path: Path, origin: Origin): SourcedMap {
  return { kind: 'map', path, origin, entries: new Map() };
}

/** A node for a value from outside the file: a scalar, a list, or a list of maps. */
export function nodeOf(path: Path, origin: Origin, value: unknown): Sourced {
  if (Array.isArray(value)) {
    return listNode(
      path,
      origin,
      value.map((item, i) => nodeOf([...path, i], origin, item)),
    );
  }
  if (typeof value !== 'object' || value === null) return scalarNode(path, origin, value);
  const node = mapNode(path, origin);
  for (const [name, entry] of Object.entries(value)) {
    node.entries.set(name, { named: origin, node: nodeOf([...path, name], origin, entry) });
  }
  return node;
}

/** The node at the path, or undefined. */
export function nodeAt(root: Sourced, path: Path): Sourced | undefined {
  let node: Sourced | undefined = root;
  for (const step of path) node = node === undefined ? undefined : childNode(node, step);
  return node;
}

/** The node at the path, or its nearest existing ancestor. */
export function nearestNode(root: Sourced, path: Path): Sourced {
  let node = root;
  for (const step of path) {
    const child = childNode(node, step);
    if (child === undefined) return node;
    node = child;
  }
  return node;
}

function childNode(node: Sourced, step: string | number): Sourced | undefined {
  if (node.kind === 'list') return typeof step === 'number' ? node.items[step] : undefined;
  return node.kind === 'map' && typeof step === 'string' ? node.entries.get(step)?.node : undefined;
}

/**
 * Replaces the node at the path. A section that is not a map in the file is left as it is and
 * reported as an error.
 */
export function put(root: SourcedMap, path: readonly string[], value: Sourced): void {
  let map = root;
  for (const [i, name] of path.slice(0, -1).entries()) {
    let child = map.entries.get(name)?.node;
    if (child === undefined || isNothing(child)) {
      child = mapNode(path.slice(0, i + 1), value.origin);
      map.entries.set(name, { named: value.origin, node: child });
    }
    if (child.kind !== 'map') return;
    map = child;
  }
  map.entries.set(path.at(-1) ?? '', { named: value.origin, node: value });
}

/**
 * Removes the node at the path. In a list the later items move up, but each keeps its original
 * path.
 */
export function remove(root: Sourced, path: Path): void {
  const parent = nodeAt(root, path.slice(0, -1));
  const step = path.at(-1);
  if (parent?.kind === 'map' && typeof step === 'string') parent.entries.delete(step);
  else if (parent?.kind === 'list' && typeof step === 'number') parent.items.splice(step, 1);
}

/** Plain data for the schema. `section:` without a value is an empty section. */
export function plain(node: Sourced, shape: Shape | undefined): unknown {
  switch (node.kind) {
    case 'scalar':
      if (!isNothing(node) || shape === undefined || shape.kind === 'scalar') return node.value;
      return shape.kind === 'list' ? [] : {};
    case 'list':
      return node.items.map((item, i) => plain(item, shape && childShape(shape, i)));
    case 'map':
      return Object.fromEntries(
        Array.from(node.entries, ([name, entry]) => [name, plain(entry.node, shape && childShape(shape, name))]),
      );
  }
}

/** `name:` without a value. */
export function isNothing(node: Sourced): boolean {
  return node.kind === 'scalar' && node.value === null;
}
