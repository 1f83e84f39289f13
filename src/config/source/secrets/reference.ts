// Parses references to secrets: environment variables, and the schemes of sources.ts. Fetches
// nothing.
import { splitVariables } from './environment-variables.ts';
import { SecretError } from './secret-error.ts';
import type { SecretName, SecretSource } from './secret-source.ts';
import { referenceForm, secretSources } from './sources.ts';

export type Reference =
  | { readonly kind: 'plain'; readonly text: string }
  /** As splitVariables(). */
  | { readonly kind: 'environment'; readonly parts: readonly string[] }
  | ({ readonly kind: 'source'; readonly scheme: string } & SecretName);

/** Throws SecretError for a text that starts like a reference and is malformed. */
export function parseReference(text: string): Reference {
  for (const [scheme, source] of Object.entries(secretSources)) {
    if (text.startsWith(`${scheme}:`))
      return { kind: 'source', scheme, ...nameIn(text.slice(scheme.length + 1), scheme, source) };
  }
  const parts = splitVariables(text);
  return parts.length === 1 ? { kind: 'plain', text: parts[0] ?? '' } : { kind: 'environment', parts };
}

function nameIn(text: string, scheme: string, source: SecretSource): SecretName {
  const hash = source.field === 'none' ? -1 : text.lastIndexOf('#');
  const path = hash < 0 ? text : text.slice(0, hash);
  const field = hash < 0 ? undefined : text.slice(hash + 1);
  const needed = source.field === 'required' || field !== undefined ? [path, field] : [path];
  if (needed.some((part) => part === undefined || part === '' || part.includes('\0'))) {
    const form = referenceForm(scheme, source);
    throw new SecretError(`is an incomplete reference to a secret: write it as ${form}`);
  }
  return { path, field };
}
