// The schema as a tree of sections, lists, maps and scalars, for code that walks it beside a value:
// environment, secrets, names, documentation. Has no values.
import { z } from 'zod';
import { type FieldMeta, metaOf, type ScalarKind } from './field-meta.ts';

export type Shape = SectionShape | ListShape | MapShape | ScalarShape;

export interface SectionShape {
  readonly kind: 'section';
  readonly meta: FieldMeta;
  readonly fields: ReadonlyMap<string, Shape>;
}
export interface ListShape {
  readonly kind: 'list';
  readonly meta: FieldMeta;
  readonly item: Shape;
}
export interface MapShape {
  readonly kind: 'map';
  readonly meta: FieldMeta;
  readonly entry: Shape;
}
export interface ScalarShape {
  readonly kind: 'scalar';
  readonly scalar: ScalarKind;
  readonly meta: FieldMeta;
}

/** The steps are names of settings or of map entries, or indexes of a list. */
export type Path = readonly (string | number)[];

/** Throws TypeError for a schema that is not built from the kinds in fields.ts. */
export function shapeOf(schema: z.core.$ZodType): Shape {
  const meta = metaOf(schema);
  if (meta === undefined) throw new TypeError('a setting without a description');
  if (meta.scalar !== undefined) return { kind: 'scalar', scalar: meta.scalar, meta };
  const inner = schema instanceof z.ZodPrefault ? schema.def.innerType : schema;
  if (inner instanceof z.ZodObject) {
    const fields = Object.entries(inner.shape).map(([name, field]) => [name, shapeOf(field as z.ZodType)] as const);
    return { kind: 'section', meta, fields: new Map(fields) };
  }
  if (inner instanceof z.ZodArray) return { kind: 'list', meta, item: shapeOf(inner.element) };
  if (inner instanceof z.ZodRecord) return { kind: 'map', meta, entry: shapeOf(inner.valueType) };
  throw new TypeError(`no kind of setting: ${inner._zod.def.type}`);
}

/** The shape at a path; undefined where the schema has none. */
export function shapeAt(root: Shape, path: Path): Shape | undefined {
  let shape: Shape | undefined = root;
  for (const step of path) {
    if (shape === undefined) return undefined;
    shape = childShape(shape, step);
  }
  return shape;
}

export function childShape(shape: Shape, step: string | number): Shape | undefined {
  switch (shape.kind) {
    case 'section':
      return typeof step === 'string' ? shape.fields.get(step) : undefined;
    case 'list':
      return typeof step === 'number' ? shape.item : undefined;
    case 'map':
      return typeof step === 'string' ? shape.entry : undefined;
    case 'scalar':
      return undefined;
  }
}

export interface Placed<S extends Shape = Shape> {
  readonly path: readonly string[];
  readonly shape: S;
}

/** Every setting with its path for people, where `[]` is any item of a list, and `*` of a map. */
export function* allSettings(root: Shape, path = ''): Generator<{ readonly name: string; readonly path: string }> {
  switch (root.kind) {
    case 'section':
      for (const [name, field] of root.fields) {
        const own = path === '' ? name : `${path}.${name}`;
        yield { name, path: own };
        yield* allSettings(field, own);
      }
      return;
    case 'list':
      yield* allSettings(root.item, `${path}[]`);
      return;
    case 'map':
      yield* allSettings(root.entry, `${path}.*`);
      return;
    case 'scalar':
      return;
  }
}

/**
 * The settings that the environment can override: scalars and lists of scalars outside lists and
 * maps.
 */
export function* fixedSettings(root: Shape, path: readonly string[] = []): Generator<Placed<ScalarShape | ListShape>> {
  switch (root.kind) {
    case 'section':
      for (const [name, field] of root.fields) yield* fixedSettings(field, [...path, name]);
      return;
    case 'list':
      if (root.item.kind === 'scalar') yield { path, shape: root };
      return;
    case 'scalar':
      yield { path, shape: root };
      return;
    case 'map':
      return;
  }
}
