// Decides which scope a request needs (docs/guides/authentication.md#scopes). Pure.
import type { Principal } from './principal.ts';

const reading: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * The first scope that the principal lacks; undefined when it lacks none. An upgrade can do
 * anything, so it needs `write`.
 */
export function missingScope(
  { scopes }: Principal,
  method: string,
  upgrade: boolean,
  required: readonly string[],
): string | undefined {
  const byMethod = reading.has(method) && !upgrade ? 'read' : 'write';
  if (!scopes.includes(byMethod)) return byMethod;
  return required.find((scope) => !scopes.includes(scope));
}
