// Splits plain data into messages that are each cheap to receive, and reassembles them. The
// receiving thread reads a structured clone in one go, which takes 15 ms for a
// configuration of 1 MiB.
import { entriesOf, keepNames } from './large-records.ts';

/**
 * A list or record that is split is opened, filled by any number of messages and closed; nested
 * ones likewise.
 */
export type Piece =
  | { readonly kind: 'open'; readonly name: string; readonly list: boolean }
  | { readonly kind: 'entries'; readonly entries: readonly (readonly [name: string, value: unknown])[] }
  | { readonly kind: 'close' };

/** Maximum values in one message: less than 1 ms of the receiver's time. */
const maxValues = 500;
/** This many characters of a string count as one value. */
const charactersPerValue = 256;

/**
 * Splits lists, records and all other values that a structured clone copies. Yields one
 * message per step.
 */
export function* piecesOf(value: unknown): Generator<Piece, undefined> {
  yield* cut([['', value]], '', false);
}

function* cut(entries: Iterable<readonly [string, unknown]>, name: string, list: boolean): Generator<Piece, undefined> {
  yield { kind: 'open', name, list };
  let batch: (readonly [string, unknown])[] = [];
  let values = 0;
  for (const entry of entries) {
    const [inner, value] = entry;
    const size = valuesIn(value);
    if (values + size > maxValues && batch.length > 0) {
      yield { kind: 'entries', entries: batch };
      batch = [];
      values = 0;
    }
    if (size > maxValues && isContainer(value)) yield* cut(valuesOf(value), inner, Array.isArray(value));
    else {
      batch.push(entry);
      values += size;
    }
  }
  if (batch.length > 0) yield { kind: 'entries', entries: batch };
  yield { kind: 'close' };
}

/** Stops counting once there are too many for one message. */
function valuesIn(value: unknown): number {
  if (typeof value === 'string') return 1 + value.length / charactersPerValue;
  if (!isContainer(value)) return 1;
  let values = 1;
  for (const [, inner] of valuesOf(value)) {
    values += valuesIn(inner);
    if (values > maxValues) break;
  }
  return values;
}

type Container = readonly unknown[] | Readonly<Record<string, unknown>>;

function isContainer(value: unknown): value is Container {
  if (typeof value !== 'object' || value === null) return false;
  return Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype;
}

/** Items of a list have no names; their order is kept. */
function* valuesOf(container: Container): Generator<readonly [string, unknown]> {
  if (isList(container)) for (const item of container) yield ['', item];
  else yield* entriesOf(container);
}

function isList(container: Container): container is readonly unknown[] {
  return Array.isArray(container);
}

/** A list or record that is being filled. */
type Opened =
  | { readonly items: unknown[]; readonly names?: undefined }
  | { readonly items: Record<string, unknown>; readonly names: string[] };

/** Reassembles the messages of one value. */
export class Assembly {
  /** Innermost last. */
  readonly #open: Opened[] = [];
  #root: Container | undefined = undefined;

  get isWhole(): boolean {
    return this.#root !== undefined && this.#open.length === 0;
  }

  /**
   * Frozen, except for the lists and records that were split, because freezing takes longer the
   * more they contain. Throws TypeError while messages are missing.
   */
  get value(): unknown {
    if (!this.isWhole) throw new TypeError('the end of the data is missing');
    return (this.#root as Readonly<Record<string, unknown>>)[''];
  }

  add(piece: Piece): void {
    switch (piece.kind) {
      case 'open': {
        const opened: Opened = piece.list ? { items: [] } : { items: {}, names: [] };
        if (this.#root === undefined) this.#root = opened.items;
        else this.#put(piece.name, opened.items);
        this.#open.push(opened);
        return;
      }
      case 'entries':
        for (const [name, value] of piece.entries) this.#put(name, deeplyFrozen(value));
        return;
      case 'close':
        this.#close();
    }
  }

  #close(): void {
    const closed = this.#open.pop();
    if (closed?.names !== undefined) keepNames(closed.items, closed.names);
  }

  #put(name: string, value: unknown): void {
    const around = this.#open.at(-1);
    if (around === undefined) throw new TypeError('the beginning of the data is missing');
    if (around.names === undefined) around.items.push(value);
    else if (name === '__proto__') throw new TypeError('a record cannot have the name __proto__');
    else {
      around.items[name] = value;
      around.names.push(name);
    }
  }
}

function deeplyFrozen(value: unknown): unknown {
  if (!isContainer(value)) return value;
  for (const inner of Object.values(value)) deeplyFrozen(inner);
  return Object.freeze(value);
}
