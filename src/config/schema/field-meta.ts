// The metadata of settings beside their zod types: description, bounds, units. Types, environment
// variables, documentation and error messages are generated from it.
import { z } from 'zod';

export type ScalarKind = 'text' | 'choice' | 'path' | 'flag' | 'number' | 'duration' | 'size';

/**
 * always: the value is never shown, and a warning is given when it is in the file itself. private:
 * the same, and other users must not be able to read a file that holds it. possible: the value may
 * be a reference to a secret; if it is, it is not shown.
 */
export type SecretKind = 'always' | 'private' | 'possible';

export interface FieldMeta {
  /** One or two sentences, for the reference and for editors. */
  readonly description: string;
  /** Completes "… must be". */
  readonly expects: string;
  /** Absent: a section, a list or a map. */
  readonly scalar?: ScalarKind;
  /** The values of a choice. */
  readonly words?: readonly string[];
  /**
   * In numbers, milliseconds or bytes. `zero`: 0 is allowed below `min`, with a special meaning.
   */
  readonly bounds?: { readonly min: number; readonly max: number; readonly zero: boolean };
  /** As a user would write it; absent where the setting is required. */
  readonly initial?: unknown;
  /** A number that is required. Texts without a default are always required. */
  readonly required?: true;
  /** A valid value other than the default. */
  readonly example?: unknown;
  readonly secret?: SecretKind;
  /** A change needs a restart. */
  readonly restart?: true;
  /** The name of the TypeScript interface, for sections and entries. */
  readonly typeName?: string;
}

const registry = z.registry<FieldMeta>();

export function withMeta<T extends z.ZodType>(schema: T, meta: FieldMeta): T {
  registry.add(schema, meta);
  return schema;
}

/** Undefined for parts of a setting's type that are not settings. */
export function metaOf(schema: z.core.$ZodType): FieldMeta | undefined {
  return registry.get(schema);
}

/** Whether a missing value stays undefined, so that a more general setting or no limit applies. */
export function staysUnset({ scalar, bounds, initial, required }: FieldMeta): boolean {
  return initial === undefined && required !== true && (bounds !== undefined || scalar === 'flag');
}
