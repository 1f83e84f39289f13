// Validates the merged configuration with schema and rules: returns a finished configuration, or
// every fault. Does no I/O.
import type { Config } from '../load/config.ts';
import { configShape } from '../schema/config-shape.ts';
import { type SchemaFault, schemaFaults } from '../schema/schema-messages.ts';
import { toConfig } from '../load/to-config.ts';
import { withBareHost } from '../schema/listen-host.ts';
import { showPath } from '../schema/names.ts';
import { include } from '../source/include.ts';
import { type Finding, showOrigin } from '../source/origin.ts';
import { withRelays } from '../schema/relays.ts';
import { type Broken, brokenRules } from './rules.ts';
import { schema } from '../schema/schema.ts';
import { childShape, type Path, type Shape } from '../schema/shape.ts';
import { nearestNode, nodeAt, plain, remove, type Sourced } from '../source/sourced.ts';

export interface Verdict {
  readonly faults: readonly Finding[];
  /** Without the faulty parts; undefined when nothing useful is left. */
  readonly config: Config | undefined;
}

/** Removes faulty parts from `root`. Faults of nodes in `known` were already reported. */
export function validate(root: Sourced, known: ReadonlySet<Sourced>, workingDirectory: string): Verdict {
  const first = schema.safeParse(plain(root, configShape));
  const all = first.success ? [] : schemaFaults(first.error.issues, root, configShape, [include]);
  const faults = all.filter(({ path }) => {
    const node = nodeAt(root, path);
    return node === undefined || !known.has(node);
  });
  // Current paths: removing an item from a list moves the later ones.
  const faulty = [...all.map(({ path }) => path), ...Array.from(known, (node) => node.path)];
  for (const path of toRemove(all)) remove(root, path);
  const parsed = first.success ? first : schema.safeParse(plain(root, configShape));
  if (!parsed.success) return { faults, config: undefined };
  const config = withBareHost(withRelays(toConfig(parsed.data, root, configShape, workingDirectory)));
  return { faults: [...faults, ...ruleFaults(config, root, faulty)], config };
}

/**
 * A fault or warning about the setting at a path, with the position of the setting or of its
 * nearest ancestor.
 */
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
    .map((broken) => withOtherFile(root, placed(root, broken), broken));
}

/** Names the position of the other setting if it is in another file. */
function withOtherFile(root: Sourced, finding: Finding, broken: Broken): Finding {
  const { origin, message } = finding;
  for (const path of broken.with) {
    const other = nodeAt(root, path)?.origin;
    if (other?.kind === 'file' && origin?.kind === 'file' && other.file !== origin.file)
      return { origin, message: `${message} (${showOrigin(other)})` };
  }
  return finding;
}

/** There may be as many as settings in the file, so lookups must be cheap. */
class FaultyPlaces {
  readonly #faulty: ReadonlySet<string>;
  /** The faulty settings and all their ancestors. */
  readonly #around = new Set<string>();

  constructor(faulty: readonly Path[]) {
    this.#faulty = new Set(faulty.map(keyOf));
    for (const path of faulty) {
      for (let length = 0; length <= path.length; length += 1) this.#around.add(keyOf(path.slice(0, length)));
    }
  }

  /** A fault is at the path, inside it, or in an ancestor. */
  touch(path: Path): boolean {
    return this.#around.has(keyOf(path)) || path.some((_, i) => this.#faulty.has(keyOf(path.slice(0, i))));
  }
}

function keyOf(path: Path): string {
  return JSON.stringify(path);
}

/**
 * The paths to remove: for a fault in an item or entry the whole entry, since it may need the
 * faulty part. Last ones first, so that list indexes stay valid.
 */
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
