// The signing keys of assertions in a running gateway: loads them when assertions are first
// enabled, and reloads them periodically, since they rotate and other gateways may share them.
import type { SigningKey } from '../../auth/signing-keys.ts';
import type { Config } from '../../config/load/config.ts';
import { reasonOf } from '../../kernel/reason.ts';
import { loadSigningKeys } from '../../keys/signing-keys-file.ts';
import { systemClock } from '../../kernel/clock.ts';
import type { Logger } from '../../observe/logs/log.ts';

/** A new key is published for a day before it signs. */
const lookEveryMs = 3_600_000;

export class SigningKeys {
  readonly #file: string;
  readonly #failed: (error: unknown) => void;
  readonly #unkept: (reason: string) => void;
  #keys: readonly SigningKey[] = [];
  #timer: NodeJS.Timeout | undefined = undefined;

  /**
   * `unkept`: called when the keys last only as long as the process, because `file` does not exist
   * and cannot be created.
   */
  constructor(file: string, failed: (error: unknown) => void, unkept: (reason: string) => void) {
    this.#file = file;
    this.#failed = failed;
    this.#unkept = unkept;
  }

  get keys(): readonly SigningKey[] {
    return this.#keys;
  }

  /** Call before a configuration with assertions is applied. Throws KeysFileError. */
  async prepare({ auth }: Config): Promise<void> {
    if (!auth.assertion.enabled || this.#timer !== undefined) return;
    this.#keys = await this.#load();
    this.#timer = setInterval(() => {
      this.#load().then((keys) => {
        this.#keys = keys;
      }, this.#failed);
    }, lookEveryMs).unref();
  }

  #load(): Promise<readonly SigningKey[]> {
    return loadSigningKeys(this.#file, systemClock.wallMs(), (reason) => {
      if (this.#keys.length === 0) this.#unkept(reason);
      return this.#keys;
    });
  }

  /** Idempotent. */
  close(): void {
    clearInterval(this.#timer);
  }
}

/** Closed with `parts`. */
export function openSigningKeys(parts: AsyncDisposableStack, file: string, log: Logger): SigningKeys {
  const signing = new SigningKeys(
    file,
    (error) => {
      log.warn({ reason: reasonOf(error) }, 'cannot check the assertion keys; the current ones stay in use');
    },
    (reason) => {
      log.warn(
        { reason },
        'cannot store the assertion keys, so they are new at each start; set XDG_STATE_HOME to a directory that this user can write to',
      );
    },
  );
  parts.defer(() => {
    signing.close();
  });
  return signing;
}
