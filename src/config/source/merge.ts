// Merges the settings of one file into those of another: maps by name, lists by appending. Any
// other setting may be in one of them only.
import { showPath } from '../schema/names.ts';
import type { Path } from '../schema/shape.ts';
import { type Finding, showOrigin } from './origin.ts';
import { isNothing, listNode, mapNode, scalarNode, type Sourced, type SourcedMap } from './sourced.ts';

/** Adds the settings of `other` to `into`. Of a setting that both have, the first is kept. */
export function merge(into: SourcedMap, other: SourcedMap): Finding[] {
  const faults: Finding[] = [];
  mergeMaps(into, other, faults);
  return faults;
}

function mergeMaps(into: SourcedMap, other: SourcedMap, faults: Finding[]): void {
  for (const [name, { named, node }] of other.entries) {
    const first = into.entries.get(name);
    if (first === undefined || isNothing(first.node)) into.entries.set(name, { named, node });
    else if (first.node.kind === 'map' && node.kind === 'map') mergeMaps(first.node, node, faults);
    else if (first.node.kind === 'list' && node.kind === 'list') append(first.node.items, node.items, node.path);
    else if (!isNothing(node)) {
      const message = `${showPath(node.path)} is already set in ${showOrigin(first.named)}: keep one of them`;
      faults.push({ origin: named, message });
    }
  }
}

/** Items get the path that they have in the merged list, by which they are found again. */
function append(items: Sourced[], more: readonly Sourced[], path: Path): void {
  for (const item of more) items.push(moved(item, [...path, items.length]));
}

function moved(node: Sourced, path: Path): Sourced {
  switch (node.kind) {
    case 'scalar':
      return scalarNode(path, node.origin, node.value);
    case 'list':
      return listNode(
        path,
        node.origin,
        node.items.map((item, i) => moved(item, [...path, i])),
      );
    case 'map': {
      const map = mapNode(path, node.origin);
      for (const [name, entry] of node.entries) {
        map.entries.set(name, { named: entry.named, node: moved(entry.node, [...path, name]) });
      }
      return map;
    }
  }
}
