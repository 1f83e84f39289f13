// Iterates over records of any size in steps. V8 lists all names of a record at once, which takes
// 40 ms for 100,000. For a record that was filled in steps, the list of names recorded on the way
// is used instead.

const namesOf = new WeakMap<object, readonly string[]>();

/**
 * `names`: all names of the record, each once and in order. No names may be added to the
 * record later.
 */
export function keepNames(record: Readonly<Record<string, unknown>>, names: readonly string[]): void {
  namesOf.set(record, names);
}

export function* entriesOf<T>(record: Readonly<Record<string, T>>): Generator<readonly [name: string, value: T]> {
  const names = namesOf.get(record);
  if (names === undefined) yield* Object.entries(record);
  else for (const name of names) yield [name, record[name] as T];
}

export function hasEntries(record: Readonly<Record<string, unknown>>): boolean {
  return (namesOf.get(record) ?? Object.keys(record)).length > 0;
}
