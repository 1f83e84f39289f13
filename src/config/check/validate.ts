// Owns the verdict of schema and rules on what file, environment and flags have put together: a finished configuration, or every
// fault there is. Reads nothing.
import type { Config } from '../load/config.ts';
import { configShape } from '../schema/config-shape.ts';
import { type SchemaFault, schemaFaults } from '../schema/schema-messages.ts';
import { finish } from '../load/to-config.ts';
import { withBareHost } from '../schema/listen-host.ts';
import { showPath } from '../schema/names.ts';
import type { Finding } from '../source/origin.ts';
import { withRelays } from '../schema/relays.ts';
import { type Broken, brokenRules } from './rules.ts';
import { schema } from '../schema/schema.ts';
import { childShape, type Path, type Shape } from '../schema/shape.ts';
import { nearestNode, nodeAt, plain, remove, type Sourced } from '../source/sourced.ts';

export interface Verdict {
  readonly faults: readonly Finding[];
  /** What there is, without what is faulty; undefined when nothing sensible is left. */
  readonly config: Config | undefined;
}

/** Takes what is faulty out of `root`. Of nodes in `known` the fault is already told. */
export function judge(root: Sourced, known: ReadonlySet<Sourced>, workingDirectory: string): Verdict {
  const first = schema.safeParse(plain(root, configShape));
  const all = first.success ? [] : schemaFaults(first.error.issues, root, configShape);
  const faults = all.filter(({ path }) => {
    const node = nodeAt(root, path);
    return node === undefined || !known.has(node);
  });
  // Where they stand now: taking something out of a list moves what is behind it.
  const faulty = [...all.map(({ path }) => path), ...Array.from(known, (node) => node.path)];
  for (const path of toRemove(all)) remove(root, path);
  const parsed = first.success ? first : schema.safeParse(plain(root, configShape));
  if (!parsed.success) return { faults, config: undefined };
  const config = withBareHost(withRelays(finish(parsed.data, root, configShape, workingDirectory)));
  return { faults: [...faults, ...ruleFaults(config, root, faulty)], config };
}

/** A fault or warning that is told of a setting by its path, with the place where the setting, or what it would be in, stands. */
export function placed(root: Sourced, { path, message }: { readonly path: Path; readonly message: string }): Finding {
  const node = nodeAt(root, path) ?? nearestNode(root, path);
  const shown = [...node.path, ...path.slice(node.path.length)];
  return { origin: node.path.length === 0 ? undefined : node.origin, message: `${showPath(shown)} ${message}` };
}

function ruleFaults(config: Config, root: Sourced, faulty: readonly Path[]): Finding[] {
  const places = new FaultyPlaces(faulty);
  const touchesFaulty = (path: Path): boolean => places.touch(nodeAt(root, path)?.path ?? path);
  const untouched = (broken: Broken): boolean => ![broken.path, ...broken.with].some(touchesFaulty);
  return brokenRules(config)
    .filter(untouched)
    .map((broken) => placed(root, broken));
}

/** As many as a file has settings, so that each look must cost little. */
class FaultyPlaces {
  readonly #faulty: ReadonlySet<string>;
  /** The faulty ones, and all that they are in. */
  readonly #around = new Set<string>();

  constructor(faulty: readonly Path[]) {
    this.#faulty = new Set(faulty.map(keyOf));
    for (const path of faulty) {
      for (let length = 0; length <= path.length; length += 1) this.#around.add(keyOf(path.slice(0, length)));
    }
  }

  /** Something faulty is here, in it, or around it. */
  touch(path: Path): boolean {
    return this.#around.has(keyOf(path)) || path.some((_, i) => this.#faulty.has(keyOf(path.slice(0, i))));
  }
}

function keyOf(path: Path): string {
  return JSON.stringify(path);
}

/** The faulty settings; of an item or entry that has one, the whole, since it may need what is faulty. Last ones first. */
function toRemove(faults: readonly SchemaFault[]): Path[] {
  const paths = faults.map(({ path, unknown }) => (unknown ? path : wholeOf(path)));
  const unique = new Map(paths.map((path) => [keyOf(path), path]));
  return [...unique.values()].sort(backwards);
}

function wholeOf(path: Path): Path {
  let shape: Shape | undefined = configShape;
  for (const [i, step] of path.entries()) {
    if (shape === undefined || shape.kind === 'list' || shape.kind === 'map') return path.slice(0, i + 1);
    shape = childShape(shape, step);
  }
  return path;
}

function backwards(a: Path, b: Path): number {
  for (let i = 0; i < Math.min(a.length, b.length); i += 1) {
    const [x, y] = [a[i], b[i]];
    if (x === y) continue;
    return typeof x === 'number' && typeof y === 'number' ? y - x : String(x) < String(y) ? 1 : -1;
  }
  return b.length - a.length;
}
