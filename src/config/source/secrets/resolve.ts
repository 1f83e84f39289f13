// Replaces references to secrets by the secrets in every setting that may hold one. Reports all
// failures together.
import { dirname, resolve } from 'node:path';
import type { SecretKind } from '../../schema/field-meta.ts';
import type { Variables } from '../environment-layer.ts';
import { showPath } from '../../schema/names.ts';
import type { Finding } from '../origin.ts';
import type { SeenFiles } from '../seen-files.ts';
import { childShape, type Shape } from '../../schema/shape.ts';
import type { Sourced, SourcedScalar } from '../sourced.ts';
import { fieldsOf, readAwsSecret } from './aws-secrets-manager.ts';
import { parseReference, type Reference, SecretError } from './reference.ts';
import { readSecretFile } from './secret-file.ts';
import { type Fields, readVault } from './vault.ts';

export interface SecretContext {
  readonly env: Variables;
  /** Base for relative paths from the environment; paths in a file are relative to that file. */
  readonly workingDirectory: string;
  readonly files: SeenFiles;
  readonly signal: AbortSignal;
  readonly now: () => Date;
}

export interface Resolution {
  readonly faults: readonly Finding[];
  readonly warnings: readonly Finding[];
  /** Nodes whose secret could not be fetched. */
  readonly unresolved: ReadonlySet<Sourced>;
}

/** Concurrent requests to secret managers. */
const concurrency = 8;

export async function resolveSecrets(root: Sourced, shape: Shape, context: SecretContext): Promise<Resolution> {
  const faults: Finding[] = [];
  const warnings: Finding[] = [];
  const plain: SourcedScalar[] = [];
  const unresolved = new Set<Sourced>();
  const source = new Source(context, warnings);
  const queue = Array.from(secretsIn(root, shape)).reverse();
  const work = async (): Promise<void> => {
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      const { node } = next;
      try {
        const reference = parseReference(node.value);
        if (reference.kind === 'plain' && node.secret && node.origin.kind === 'file') plain.push(node);
        if (reference.kind !== 'plain') node.secret = true;
        node.value = await source.text(reference, next);
      } catch (error) {
        if (!(error instanceof SecretError)) throw error;
        unresolved.add(node);
        faults.push({ origin: node.origin, message: `${showPath(node.path)} ${error.message}` });
      }
    }
  };
  await Promise.all(Array.from({ length: concurrency }, work));
  const [first] = plain;
  if (first !== undefined) warnings.push(plainWarning(first, plain.length));
  return { faults, warnings, unresolved };
}

interface Secret {
  readonly node: SourcedScalar & { value: string };
  readonly kind: SecretKind;
}

/** Headers whose value is a secret, whether it comes from a reference or not. */
const credentialHeader = /authorization|cookie|credential|passw|secret|signature|token|(?:^|-)(?:auth|key)(?:-|$)/i;

function* secretsIn(node: Sourced, shape: Shape): Generator<Secret> {
  if (node.kind === 'scalar') {
    const kind = shape.kind === 'scalar' ? shape.about.secret : undefined;
    if (kind === undefined) return;
    // Never shown, even when the value is not a text and so cannot be a secret.
    node.secret = kind !== 'possible' || credentialHeader.test(String(node.path.at(-1)));
    if (typeof node.value === 'string' && node.value !== '') yield { node: node as Secret['node'], kind };
    return;
  }
  const children: Iterable<readonly [string | number, Sourced]> =
    node.kind === 'list' ? node.items.entries() : Array.from(node.entries, ([name, { node: child }]) => [name, child]);
  for (const [step, child] of children) {
    const childOf = childShape(shape, step);
    if (childOf !== undefined) yield* secretsIn(child, childOf);
  }
}

/** Fetches each document of a secret manager once, however many of its fields are used. */
class Source {
  readonly #context: SecretContext;
  readonly #warnings: Finding[];
  readonly #vault = new Map<string, Promise<Fields>>();
  readonly #aws = new Map<string, Promise<string>>();

  constructor(context: SecretContext, warnings: Finding[]) {
    this.#context = context;
    this.#warnings = warnings;
  }

  async text(reference: Reference, secret: Secret): Promise<string> {
    const { env, signal, now } = this.#context;
    switch (reference.kind) {
      case 'plain':
        return reference.text;
      case 'environment':
        return reference.parts.map((part, i) => (i % 2 === 0 ? part : variable(env, part))).join('');
      case 'file':
        return this.#file(reference.path, secret);
      case 'vault': {
        const { path, field } = reference;
        return fieldText(await once(this.#vault, path, () => readVault(path, env, signal)), field);
      }
      case 'aws-sm': {
        const { name, field } = reference;
        const text = await once(this.#aws, name, () => readAwsSecret(name, env, signal, now()));
        return field === undefined ? text : fieldText(fieldsOf(text), field);
      }
    }
  }

  async #file(path: string, { node, kind }: Secret): Promise<string> {
    const { files, workingDirectory } = this.#context;
    const base = node.origin.kind === 'file' ? dirname(resolve(workingDirectory, node.origin.file)) : workingDirectory;
    const file = resolve(base, path);
    await files.look(file);
    return readSecretFile(file, kind === 'private' ? 'private' : 'other', () => {
      const message = `${showPath(node.path)} is in ${JSON.stringify(file)}, which every user of this machine may read`;
      this.#warnings.push({ origin: node.origin, message });
    });
  }
}

function once<T>(known: Map<string, Promise<T>>, name: string, fetch: () => Promise<T>): Promise<T> {
  let promise = known.get(name);
  if (promise === undefined) known.set(name, (promise = fetch()));
  return promise;
}

function variable(env: Variables, name: string): string {
  const value = env[name];
  if (value === undefined) throw new SecretError(`needs \${${name}}, which is not set in the environment`);
  if (value === '') throw new SecretError(`needs \${${name}}, which is empty`);
  return value;
}

function fieldText(fields: Fields, field: string): string {
  const value = Object.hasOwn(fields, field) ? fields[field] : undefined;
  if (typeof value === 'string' && value !== '') return value;
  if (typeof value === 'number') return String(value);
  const name = JSON.stringify(field.slice(0, 64));
  throw new SecretError(
    value === undefined
      ? `names the field ${name}, which the secret does not have`
      : `names the field ${name}, which is no text`,
  );
}

function plainWarning(first: SourcedScalar, count: number): Finding {
  const others = count > 1 ? `, and so do ${count - 1} more secrets` : '';
  return {
    origin: first.origin,
    message: `${showPath(first.path)} stands in the file as plain text${others}; use \${NAME}, file:PATH, vault:PATH#FIELD or aws-sm:NAME#FIELD`,
  };
}
