/**
 * Deliberately does nothing: for a handler that must exist, and for a promise whose rejection is
 * reported elsewhere or does not matter.
 */
export function ignore(): undefined {
  return undefined;
}
