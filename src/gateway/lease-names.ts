// Stores for `start` the lease id of each name: under `strict` in a file of the state directory,
// which `leases accept` changes while the gateway runs; under `first` in memory.
import type { Config } from '../config/load/config.ts';
import { each, Slices } from '../kernel/work/slices.ts';
import { reasonOf } from '../kernel/reason.ts';
import type { Logger } from '../observe/logs/log.ts';
import { NameBindings, type NameBindingMode } from '../route/name-bindings.ts';
import { StartError } from './start-error.ts';
import { appendLeaseNames, readLeaseNames, type LeaseNameLine } from './lease-names-file.ts';

/** Short, because an operator who accepts an id waits for it. */
const lookEveryMs = 500;

export interface LeaseNames {
  readonly bindings: NameBindings;
  /**
   * `portal.name_binding` may change by reload: call the returned function to apply it. Rejects
   * with StartError when the file cannot be read.
   */
  prepare(config: Config): Promise<() => void>;
}

/**
 * Rejects with StartError when the file cannot be read: without it any lease could take any name.
 */
export async function keepLeaseNames(
  parts: AsyncDisposableStack,
  config: Config,
  { file, log }: { readonly file: string; readonly log: Logger },
): Promise<LeaseNames> {
  let mode: NameBindingMode = 'first';
  let end = 0;
  let failed = false;
  let waiting: LeaseNameLine[] = [];
  let work: Promise<void> = Promise.resolve();
  const bindings = new NameBindings({
    mode: () => mode,
    bound: (name, id) => {
      if (mode === 'strict') waiting.push({ name, id });
    },
  });

  async function read(): Promise<void> {
    const next = await readLeaseNames(file, end);
    end = next.end;
    await new Slices().run(
      each(next.lines, ({ name, id }) => {
        bindings.restore([[name, id]]);
      }),
    );
    if (next.faults > 0) log.error({ file, lines: next.faults }, 'lines that hold no lease name and id are ignored');
  }

  async function write(): Promise<void> {
    // Skips bindings that have changed since.
    const lines = waiting.filter(({ name, id }) => bindings.idOf(name) === id);
    waiting = [];
    if (lines.length === 0) return;
    try {
      await appendLeaseNames(file, lines);
      failed = false;
    } catch (error) {
      waiting = [...lines, ...waiting];
      throw error;
    }
  }

  async function synchronise(): Promise<void> {
    try {
      // Lines of other writers take precedence, because they are older.
      await read();
      await write();
    } catch (error) {
      if (!failed)
        log.error({ file, reason: reasonOf(error) }, 'cannot persist the ids of lease names; they are kept in memory');
      failed = true;
    }
  }

  const timer = setInterval(() => {
    if (mode === 'strict') work = work.then(synchronise);
  }, lookEveryMs).unref();
  parts.defer(async () => {
    clearInterval(timer);
    await work;
    if (mode === 'strict') await synchronise();
  });

  async function prepare({ portal }: Config): Promise<() => void> {
    if (portal.nameBinding === 'strict' && mode !== 'strict') {
      const known = [...bindings.entries()];
      try {
        await read();
      } catch (error) {
        throw new StartError(`cannot read ${file}: ${reasonOf(error)}; portal.name_binding: strict needs it`);
      }
      // Names in use keep their ids, unless the file has others.
      for (const [name, id] of known) if (bindings.idOf(name) === id) waiting.push({ name, id });
    }
    return () => {
      mode = portal.nameBinding;
    };
  }

  const apply = await prepare(config);
  apply();
  return { bindings, prepare };
}
