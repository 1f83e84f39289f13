// Parses references to secrets: `${NAME}`, `file:PATH`, `vault:PATH#FIELD`, `aws-sm:NAME#FIELD`.
// Fetches nothing.

export type Reference =
  | { readonly kind: 'plain'; readonly text: string }
  /** Texts alternate with variable names; the first part is a text. */
  | { readonly kind: 'environment'; readonly parts: readonly string[] }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'vault'; readonly path: string; readonly field: string }
  | { readonly kind: 'aws-sm'; readonly name: string; readonly field: string | undefined };

/**
 * A secret that cannot be used. The message completes "<setting> …" and never contains the secret.
 */
export class SecretError extends Error {
  override readonly name = 'SecretError';
}

/** A literal `${` is written `$${`. */
const variable = /(?<!\$)\$\{([A-Za-z_]\w*)\}/;
const unescaped = /(?<!\$)\$\{/;

/** Throws SecretError for a text that starts like a reference and is malformed. */
export function parseReference(text: string): Reference {
  if (text.startsWith('file:')) return { kind: 'file', path: required(text.slice('file:'.length), 'file:PATH') };
  if (text.startsWith('vault:')) {
    const [path, field] = split(text.slice('vault:'.length));
    return { kind: 'vault', path: required(path, 'vault:PATH#FIELD'), field: required(field, 'vault:PATH#FIELD') };
  }
  if (text.startsWith('aws-sm:')) {
    const [name, field] = split(text.slice('aws-sm:'.length));
    const form = 'aws-sm:NAME#FIELD';
    return { kind: 'aws-sm', name: required(name, form), field: field === undefined ? field : required(field, form) };
  }
  const parts = text.split(variable).map((part, i) => (i % 2 === 0 ? literal(part) : part));
  return parts.length === 1 ? { kind: 'plain', text: parts[0] ?? '' } : { kind: 'environment', parts };
}

function literal(part: string): string {
  if (unescaped.test(part)) {
    throw new SecretError(
      'has a ${ that begins no reference: write ${NAME}, with letters, digits and _ in the name, or $${ for the characters themselves',
    );
  }
  return part.replaceAll('$${', '${');
}

function split(text: string): [string, string | undefined] {
  const hash = text.lastIndexOf('#');
  return hash < 0 ? [text, undefined] : [text.slice(0, hash), text.slice(hash + 1)];
}

function required(text: string | undefined, form: string): string {
  if (text === undefined || text === '' || text.includes('\0'))
    throw new SecretError(`is a reference to a secret that is not whole: write it as ${form}`);
  return text;
}
