// Finds the changed settings that need a restart.
import { isDeepStrictEqual } from 'node:util';
import type { Config } from './config.ts';
import { configShape } from '../schema/config-shape.ts';
import { valueAt } from './to-config.ts';
import { showPath } from '../schema/names.ts';
import type { Path, Shape } from '../schema/shape.ts';

/** The settings that differ and need a restart, such as `gateway.port`. */
export function restartOnly(before: Config, after: Config): string[] {
  const changed = (path: Path): boolean =>
    !isDeepStrictEqual(valueAt(before, configShape, path), valueAt(after, configShape, path));
  return Array.from(restartSettings(configShape, []))
    .filter(changed)
    .map((path) => showPath(path));
}

function* restartSettings(shape: Shape, path: Path): Generator<Path> {
  if (shape.meta.restart === true) yield path;
  else if (shape.kind === 'section')
    for (const [name, field] of shape.fields) yield* restartSettings(field, [...path, name]);
}
