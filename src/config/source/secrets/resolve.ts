// Replaces references to secrets by the secrets in every setting that may hold one. Reports all
// failures together.
import { showPath } from '../../schema/names.ts';
import { childShape, type Shape } from '../../schema/shape.ts';
import type { Finding } from '../origin.ts';
import type { Sourced, SourcedScalar } from '../sourced.ts';
import { joinVariables } from './environment-variables.ts';
import { parseReference, type Reference } from './reference.ts';
import { SecretError } from './secret-error.ts';
import type { Secret, SecretContext, SecretSource } from './secret-source.ts';
import { referenceForms, secretSources } from './sources.ts';

export interface Resolution {
  readonly faults: readonly Finding[];
  readonly warnings: readonly Finding[];
  /** Nodes whose secret could not be fetched. */
  readonly unresolved: ReadonlySet<Sourced>;
}

/** Concurrent requests to secret managers. */
const concurrency = 8;

export async function resolveSecrets(
  root: Sourced,
  shape: Shape,
  context: Omit<SecretContext, 'warn'>,
): Promise<Resolution> {
  const faults: Finding[] = [];
  const warnings: Finding[] = [];
  const plain: SourcedScalar[] = [];
  const unresolved = new Set<Sourced>();
  const references = new References({ ...context, warn: (warning) => warnings.push(warning) });
  const queue = Array.from(secretsIn(root, shape)).reverse();
  const work = async (): Promise<void> => {
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      const { node } = next;
      try {
        const reference = parseReference(node.value);
        if (reference.kind === 'plain' && node.secret && node.origin.kind === 'file') plain.push(node);
        if (reference.kind !== 'plain') node.secret = true;
        node.value = await references.text(reference, next);
      } catch (error) {
        if (!(error instanceof SecretError)) throw error;
        unresolved.add(node);
        const { temporary } = error;
        faults.push({ origin: node.origin, message: `${showPath(node.path)} ${error.message}`, temporary });
      }
    }
  };
  await Promise.all(Array.from({ length: concurrency }, work));
  const [first] = plain;
  if (first !== undefined) warnings.push(plainWarning(first, plain.length));
  return { faults, warnings, unresolved };
}

/** Headers whose value is a secret, whether it comes from a reference or not. */
const credentialHeader = /authorization|cookie|credential|passw|secret|signature|token|(?:^|-)(?:auth|key)(?:-|$)/i;

function* secretsIn(node: Sourced, shape: Shape): Generator<Secret> {
  if (node.kind === 'scalar') {
    const kind = shape.kind === 'scalar' ? shape.meta.secret : undefined;
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

/** Reads references of all kinds during one load. */
class References {
  readonly #env: SecretContext['env'];
  readonly #readers: ReadonlyMap<string, ReturnType<SecretSource['open']>>;

  constructor(context: SecretContext) {
    this.#env = context.env;
    this.#readers = new Map(
      Object.entries(secretSources).map(([scheme, source]) => [scheme, source.open(context)] as const),
    );
  }

  async text(reference: Reference, secret: Secret): Promise<string> {
    switch (reference.kind) {
      case 'plain':
        return reference.text;
      case 'environment':
        return joinVariables(reference.parts, this.#env);
      case 'source': {
        const read = this.#readers.get(reference.scheme);
        if (read === undefined) throw new TypeError(`no source of secrets has the scheme ${reference.scheme}`);
        return read(reference, secret);
      }
    }
  }
}

function plainWarning(first: SourcedScalar, count: number): Finding {
  const [last = '', ...more] = referenceForms.map(({ form }) => form).reverse();
  const forms = `${more.reverse().join(', ')} or ${last}`;
  const others = count > 1 ? ` (and ${count - 1} more)` : '';
  return {
    origin: first.origin,
    message: `${showPath(first.path)} is in the file as plain text${others}; use ${forms}`,
  };
}
