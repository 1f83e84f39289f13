// Own-property lookup in a map of a policy. Its names may be anything, including those of
// properties that every object inherits.

export function ownValue<T>(map: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(map, name) ? map[name] : undefined;
}
