// The interface of a source of secrets: a file, or a secret manager. sources.ts lists them.
import type { SecretKind } from '../../schema/field-meta.ts';
import type { Variables } from '../environment-layer.ts';
import type { Finding } from '../origin.ts';
import type { SeenFiles } from '../seen-files.ts';
import type { SourcedScalar } from '../sourced.ts';
import { SecretError } from './secret-error.ts';

export interface SecretContext {
  readonly env: Variables;
  /** Base for relative paths from the environment; paths in a file are relative to that file. */
  readonly workingDirectory: string;
  readonly files: SeenFiles;
  readonly signal: AbortSignal;
  readonly now: () => Date;
  /** Reports a secret that is usable, but exposed. */
  readonly warn: (warning: Finding) => void;
}

/** A setting whose value refers to a secret. */
export interface Secret {
  readonly node: SourcedScalar & { value: string };
  readonly kind: SecretKind;
}

/** The part of a reference behind its scheme. */
export interface SecretName {
  readonly path: string;
  readonly field: string | undefined;
}

export interface SecretSource {
  /** In messages and in the documentation of the reference: `PATH` in `vault:PATH#FIELD`. */
  readonly placeholder: string;
  /** Whether a reference ends in `#FIELD`. */
  readonly field: 'none' | 'optional' | 'required';
  /** For docs/configuration.md, in Markdown: the value of a reference. */
  readonly description: string;
  /**
   * Begins one load of the configuration, in which each document is fetched once, however many of
   * its fields are used. The returned function throws SecretError.
   */
  open(context: SecretContext): (name: SecretName, secret: Secret) => Promise<string>;
}

export type Fields = Readonly<Record<string, unknown>>;

/** Throws SecretError if the field is missing or neither a text nor a number. */
export function fieldText(fields: Fields, field: string): string {
  const value = Object.hasOwn(fields, field) ? fields[field] : undefined;
  if (typeof value === 'string' && value !== '') return value;
  if (typeof value === 'number') return String(value);
  const name = JSON.stringify(field.slice(0, 64));
  throw new SecretError(
    value === undefined
      ? `names the field ${name}, which the secret does not have`
      : `names the field ${name}, which is not text`,
  );
}

/** Calls `fetch` once for each path. */
export function fetchOnce<T>(fetch: (path: string) => Promise<T>): (path: string) => Promise<T> {
  const known = new Map<string, Promise<T>>();
  return (path) => {
    let promise = known.get(path);
    if (promise === undefined) known.set(path, (promise = fetch(path)));
    return promise;
  };
}
