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

export interface LeaseNamesOptions {
  readonly file: string;
  readonly log: Logger;
}

/**
 * Rejects with StartError when the file cannot be read: without it any lease could take any name.
 */
export async function keepLeaseNames(
  parts: AsyncDisposableStack,
  config: Config,
  options: LeaseNamesOptions,
): Promise<LeaseNames> {
  const names = new StoredLeaseNames(options);
  parts.defer(() => names.close());
  const apply = await names.prepare(config);
  apply();
  return names;
}

class StoredLeaseNames implements LeaseNames {
  readonly bindings: NameBindings;
  readonly #file: string;
  readonly #log: Logger;
  readonly #timer: NodeJS.Timeout;
  #mode: NameBindingMode = 'first';
  /** The offset of the next line to read. */
  #end = 0;
  #failed = false;
  #unwritten: LeaseNameLine[] = [];
  #work: Promise<void> = Promise.resolve();

  constructor({ file, log }: LeaseNamesOptions) {
    this.#file = file;
    this.#log = log;
    this.bindings = new NameBindings({
      mode: () => this.#mode,
      bound: (name, id) => {
        if (this.#mode === 'strict') this.#unwritten.push({ name, id });
      },
    });
    this.#timer = setInterval(() => {
      if (this.#mode === 'strict') this.#work = this.#work.then(() => this.#synchronise());
    }, lookEveryMs).unref();
  }

  async prepare({ portal }: Config): Promise<() => void> {
    if (portal.nameBinding === 'strict' && this.#mode !== 'strict') {
      const known = [...this.bindings.entries()];
      try {
        await this.#read();
      } catch (error) {
        throw new StartError(`cannot read ${this.#file}: ${reasonOf(error)}; portal.name_binding: strict needs it`);
      }
      // Names in use keep their ids, unless the file has others.
      for (const [name, id] of known) if (this.bindings.idOf(name) === id) this.#unwritten.push({ name, id });
    }
    return () => {
      this.#mode = portal.nameBinding;
    };
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#work;
    if (this.#mode === 'strict') await this.#synchronise();
  }

  async #synchronise(): Promise<void> {
    const file = this.#file;
    try {
      // Lines of other writers take precedence, because they are older.
      await this.#read();
      await this.#write();
    } catch (error) {
      const reason = reasonOf(error);
      if (!this.#failed)
        this.#log.error({ file, reason }, 'cannot persist the ids of lease names; they are kept in memory');
      this.#failed = true;
    }
  }

  async #read(): Promise<void> {
    const file = this.#file;
    const { lines, faults, end } = await readLeaseNames(file, this.#end);
    this.#end = end;
    await new Slices().run(
      each(lines, ({ name, id }) => {
        this.bindings.restore([[name, id]]);
      }),
    );
    if (faults > 0) this.#log.error({ file, lines: faults }, 'lines without a lease name and id are ignored');
  }

  async #write(): Promise<void> {
    // Skips bindings that have changed since.
    const lines = this.#unwritten.filter(({ name, id }) => this.bindings.idOf(name) === id);
    this.#unwritten = [];
    if (lines.length === 0) return;
    try {
      await appendLeaseNames(this.#file, lines);
      this.#failed = false;
    } catch (error) {
      this.#unwritten = [...lines, ...this.#unwritten];
      throw error;
    }
  }
}
