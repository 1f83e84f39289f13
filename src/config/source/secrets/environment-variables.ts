// References to environment variables: `${NAME}`, anywhere in a text.
import type { Variables } from '../environment-layer.ts';
import { SecretError } from './secret-error.ts';

export const environmentForm = '${NAME}';
/** For docs/configuration.md, in Markdown. */
export const environmentDescription =
  'an environment variable, also as part of a longer text; write `$${` for a literal `${`. Any other `${` is an error';

/** A literal `${` is written `$${`. */
const variable = /(?<!\$)\$\{([A-Za-z_]\w*)\}/;
const unescaped = /(?<!\$)\$\{/;

/**
 * Texts alternate with variable names; the first part is a text. Throws SecretError for a `${` that
 * begins no reference.
 */
export function splitVariables(text: string): string[] {
  return text.split(variable).map((part, i) => (i % 2 === 0 ? literal(part) : part));
}

/** Throws SecretError for a variable that is unset or empty. */
export function joinVariables(parts: readonly string[], env: Variables): string {
  return parts.map((part, i) => (i % 2 === 0 ? part : valueOf(env, part))).join('');
}

function literal(part: string): string {
  if (unescaped.test(part)) {
    throw new SecretError(
      'has a ${ that does not begin a reference: write ${NAME}, with letters, digits and _ in the name, or $${ for a literal ${',
    );
  }
  return part.replaceAll('$${', '${');
}

function valueOf(env: Variables, name: string): string {
  const value = env[name];
  if (value === undefined)
    throw new SecretError(`needs \${${name}}, which is not set in the environment: set it, or correct the name`);
  if (value === '') throw new SecretError(`needs \${${name}}, which is empty: set it, or correct the name`);
  return value;
}
