// Owns the look-up in a map of a policy, whose names may be anything: also that of a property which every object has.

export function ownValue<T>(map: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(map, name) ? map[name] : undefined;
}
