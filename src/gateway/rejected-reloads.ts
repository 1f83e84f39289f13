// Remembers rejected reloads for /health/details: their log lines may have been rotated away, and
// the next restart would fail.
import { maskSecrets } from '../kernel/mask-keys.ts';
import { printable } from '../kernel/printable.ts';
import { systemClock } from '../kernel/clock.ts';

/** The parts that are reloaded independently. */
type Reloaded = 'configuration' | 'keys';

interface Rejected {
  readonly time: string;
  readonly errors: readonly string[];
  /** The number of errors that are not listed. */
  readonly errors_left_off: number;
}

const maxErrors = 20;
const maxErrorCharacters = 1000;

export class RejectedReloads {
  readonly #now: () => Date;
  readonly #rejected = new Map<Reloaded, Rejected>();

  constructor(now: () => Date = () => new Date(systemClock.wallMs())) {
    this.#now = now;
  }

  /** `errors`: lines as they are logged. */
  reject(what: Reloaded, errors: readonly string[]): void {
    this.#rejected.set(what, {
      time: this.#now().toISOString(),
      errors: errors.slice(0, maxErrors).map((line) => printable(maskSecrets(line), maxErrorCharacters)),
      errors_left_off: Math.max(0, errors.length - maxErrors),
    });
  }

  apply(what: Reloaded): void {
    this.#rejected.delete(what);
  }

  /** Empty if the last reloads were applied. */
  details(): Readonly<Record<string, Rejected>> {
    return Object.fromEntries(this.#rejected);
  }
}
