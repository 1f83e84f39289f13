// Owns what is known of a setting beside its zod type: what it means, in words and units. The types, the environment, the
// documentation and every message are made of it. Knows no setting by name.
import { z } from 'zod';

export type ScalarKind = 'text' | 'choice' | 'path' | 'flag' | 'number' | 'duration' | 'size';

/**
 * always: the value is never shown, and one that stands in the file itself is warned about.
 * private: the same, and a file that holds it must be readable by nobody else.
 * possible: may be a reference to a secret, and then it is not shown.
 */
export type SecretKind = 'always' | 'private' | 'possible';

export interface About {
  /** One sentence or two, for the reference and for editors. */
  readonly description: string;
  /** Completes "… must be". */
  readonly expects: string;
  /** Absent: a section, a list or a map. */
  readonly scalar?: ScalarKind;
  /** The words that a choice is made of. */
  readonly words?: readonly string[];
  /** In numbers, milliseconds or bytes; `zero` where 0 means something of its own below `min`. */
  readonly bounds?: { readonly min: number; readonly max: number; readonly zero: boolean };
  /** As one would write it; absent where the setting must be given. */
  readonly initial?: unknown;
  /** Must be given, where it is a number; texts without a default must anyway. */
  readonly required?: true;
  /** Something that is valid and not the default. */
  readonly example?: unknown;
  readonly secret?: SecretKind;
  /** A change takes a new process. */
  readonly restart?: true;
  /** The name of the TypeScript interface, of sections and entries. */
  readonly typeName?: string;
}

const registry = z.registry<About>();

export function withAbout<T extends z.ZodType>(schema: T, about: About): T {
  registry.add(schema, about);
  return schema;
}

/** Undefined for the parts of a setting's type that are no settings. */
export function aboutOf(schema: z.core.$ZodType): About | undefined {
  return registry.get(schema);
}
