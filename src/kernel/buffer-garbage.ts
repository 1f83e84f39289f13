// Frees short-lived buffers before V8 would, by a minor garbage collection for every few MiB of them. Holds no buffer itself.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

type Collect = (options: { readonly type: 'minor'; readonly execution: 'sync' }) => void;

/**
 * V8 counts the memory of buffers as if it were old, and starts a full collection (about 10 ms of CPU) for every 10 to 20 MiB of
 * them, although a minor one (under 1 ms) finds them all dead. bench/micro/bulk.ts: a bulk transfer spends a quarter (down) to two
 * fifths (up) less CPU, in a process that is 20 to 50 MiB smaller. Twice as much between collections gains as much; four times as
 * much lets the full ones start first.
 */
const defaultEveryBytes = 8_388_608;

/** The gc() that `--expose-gc` gives to new contexts. It has no other way in; undefined where V8 does not have it. */
function exposedCollect(): Collect | undefined {
  setFlagsFromString('--expose-gc');
  try {
    const collect: unknown = runInNewContext('globalThis.gc');
    return typeof collect === 'function' ? (collect as Collect) : undefined;
  } finally {
    setFlagsFromString('--no-expose-gc');
  }
}

/** A minor collection, as a function. Undefined where there is none. */
export function minorCollection(): (() => void) | undefined {
  const collect = (globalThis as { readonly gc?: Collect }).gc ?? exposedCollect();
  return (
    collect &&
    ((): void => {
      collect({ type: 'minor', execution: 'sync' });
    })
  );
}

export class BufferGarbage {
  readonly #find: () => (() => void) | undefined;
  readonly #everyBytes: number;
  #bytes = 0;
  /** Looked for when it is first needed: most processes move little, and a context costs memory. */
  #collect: (() => void) | 'not looked for' | undefined = 'not looked for';

  constructor(find: () => (() => void) | undefined = minorCollection, everyBytes: number = defaultEveryBytes) {
    this.#find = find;
    this.#everyBytes = everyBytes;
  }

  /** Call it for buffers of `bytes` bytes in all that were just made and will not live long. */
  made(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes < this.#everyBytes) return;
    this.#bytes = 0;
    if (this.#collect === 'not looked for') this.#collect = this.#find();
    this.#collect?.();
  }
}

/** For all of the process, whose heap is one. */
export const processBufferGarbage: BufferGarbage = new BufferGarbage();
