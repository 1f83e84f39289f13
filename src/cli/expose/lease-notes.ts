// The lines of `expose` about a conflict over its lease: another identity holds the name, or
// another process publishes with the same identity. Prints a line at first, and again every ten
// minutes while the conflict lasts.
import { printable } from '../../kernel/printable.ts';
import { LeaseRejected, type PortalError } from '../../portal/index.ts';
import type { ExposeOutput } from './expose-output.ts';

const repeatEveryMs = 600_000;

interface Held {
  /** The id of the lease that the relay lists. */
  readonly holder: string | undefined;
  /** Milliseconds since 1970. */
  readonly sinceMs: number;
  /** Monotonic. */
  notedMs: number;
}

export interface LeaseNotesClocks {
  /** Monotonic. */
  readonly nowMs: () => number;
  /** Milliseconds since 1970. */
  readonly wallMs: () => number;
}

export class LeaseNotes {
  readonly #output: Pick<ExposeOutput, 'line'>;
  readonly #clocks: LeaseNotesClocks;
  /** By relay. */
  readonly #held = new Map<string, Held>();
  /** By relay: the time of the last line. */
  readonly #contestedMs = new Map<string, number>();

  constructor(output: Pick<ExposeOutput, 'line'>, clocks: LeaseNotesClocks) {
    this.#output = output;
    this.#clocks = clocks;
  }

  published(relay: string): void {
    this.#held.delete(relay);
  }

  rejected(relay: string, name: string, error: PortalError): void {
    const holder = error instanceof LeaseRejected ? error.holder : undefined;
    const nowMs = this.#clocks.nowMs();
    let held = this.#held.get(relay);
    // If the list did not arrive, the last known holder stays.
    if (held === undefined || (holder !== undefined && held.holder !== holder.id)) {
      held = { holder: holder?.id, sinceMs: this.#clocks.wallMs(), notedMs: -Infinity };
      this.#held.set(relay, held);
    }
    if (nowMs - held.notedMs < repeatEveryMs) return;
    held.notedMs = nowMs;
    const fields = { relay, code: error.code };
    if (holder === undefined) {
      const text = `${printable(error.message)} (${relay}). Retrying.`;
      this.#output.line({ event: 'publish_failed', level: 'warn', text, fields });
      return;
    }
    const holderId = printable(holder.id);
    const expiresAt = timeText(holder.expiresAtMs);
    this.#output.line({
      event: 'publish_failed',
      level: 'warn',
      text:
        `"${name}" is held on ${relay} by the lease ${holderId}, since ${timeText(held.sinceMs)} or earlier; ` +
        `that lease expires at ${expiresAt} unless it is renewed. Retrying.`,
      fields: { ...fields, holder_lease_id: holderId, holder_expires_at: expiresAt },
    });
  }

  contested(relay: string, name: string, expiresAtMs: number): void {
    const nowMs = this.#clocks.nowMs();
    if (nowMs - (this.#contestedMs.get(relay) ?? -Infinity) < repeatEveryMs) return;
    this.#contestedMs.set(relay, nowMs);
    const expiresAt = timeText(expiresAtMs);
    this.#output.line({
      event: 'lease_contested',
      level: 'warn',
      text:
        `Another process publishes "${name}" on ${relay} with the same identity (its lease expires at ${expiresAt}). ` +
        'They keep taking the lease from each other, and callers reach either. Stop one, or give it another identity and name.',
      fields: { relay, expires_at: expiresAt },
    });
  }
}

/** A relay may send any number, also one outside the range of Date. */
function timeText(ms: number): string {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? 'an unknown time' : date.toISOString().replace(/\.\d+Z$/, 'Z');
}
