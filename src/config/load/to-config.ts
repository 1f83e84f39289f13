// Converts the output of the schema to the frozen Config that the gateway uses: camelCase names
// with units, and absolute paths.
import { dirname, resolve } from 'node:path';
import type { Config } from './config.ts';
import { propertyName } from '../schema/names.ts';
import { childShape, type Path, type SectionShape, type Shape } from '../schema/shape.ts';
import { nodeAt, type Sourced } from '../source/sourced.ts';

/** `value` is the schema's output for `root`. */
export function toConfig(value: unknown, root: Sourced, shape: SectionShape, workingDirectory: string): Config {
  const absolute = (file: string, path: Path): string => {
    if (file === '') return file;
    const origin = nodeAt(root, path)?.origin;
    const base = origin?.kind === 'file' ? dirname(resolve(workingDirectory, origin.file)) : workingDirectory;
    return resolve(base, file);
  };
  return renamed(value, shape, [], absolute) as Config;
}

function renamed(value: unknown, shape: Shape, path: Path, absolute: (file: string, path: Path) => string): unknown {
  switch (shape.kind) {
    case 'scalar':
      return shape.scalar === 'path' ? absolute(value as string, path) : value;
    case 'list':
      return Object.freeze((value as unknown[]).map((item, i) => renamed(item, shape.item, [...path, i], absolute)));
    case 'section':
    case 'map': {
      const entries = Object.entries(value as object).flatMap(([name, entry]) => {
        const child = childShape(shape, name);
        if (child === undefined || entry === undefined) return [];
        const ours = shape.kind === 'section' ? propertyName(name, child) : name;
        return [[ours, renamed(entry, child, [...path, name], absolute)] as const];
      });
      return Object.freeze(Object.fromEntries(entries));
    }
  }
}

/** The value of a setting in a finished configuration, by its path in the file. */
export function valueAt(config: Config, shape: SectionShape, path: Path): unknown {
  let value: unknown = config;
  let place: Shape | undefined = shape;
  for (const step of path) {
    if (typeof value !== 'object' || value === null || place === undefined) return undefined;
    const child = childShape(place, step);
    const key = place.kind === 'section' && child !== undefined ? propertyName(String(step), child) : step;
    value = Object.hasOwn(value, key) ? (value as Record<string | number, unknown>)[key] : undefined;
    place = child;
  }
  return value;
}
