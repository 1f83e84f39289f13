// The lines of `expose` about rejected clients: one for each client and reason, repeated after a
// minute with the number in between.
import { skewText } from '../../kernel/clock-skew.ts';
import { printable } from '../../kernel/printable.ts';
import type { ClientRefusal } from '../../portal/index.ts';
import type { ExposeLine } from './expose-output.ts';

const everyMs = 60_000;
/** A client can claim any number of ids: those beyond the limit share one line. */
const maxClients = 100;
const maxIdCharacters = 40;

interface Noted {
  readonly atMs: number;
  unnoted: number;
}

export class RefusedClients {
  readonly #print: (line: ExposeLine) => void;
  readonly #nowMs: () => number;
  readonly #noted = new Map<string, Noted>();
  /** Beyond maxClients. Never removed, since this count is the only record of a flood. */
  #others: Noted | undefined;

  /** `nowMs`: monotonic. */
  constructor(print: (line: ExposeLine) => void, nowMs: () => number) {
    this.#print = print;
    this.#nowMs = nowMs;
  }

  add(refusal: ClientRefusal): void {
    const nowMs = this.#nowMs();
    const id = printable(refusal.clientId, maxIdCharacters);
    const key = `${refusal.reason} ${id}`;
    if (this.#hasRoomFor(key, nowMs)) {
      const fields = {
        client_id: id,
        reason: refusal.reason,
        skew_seconds: refusal.reason === 'clock_skew' ? refusal.skewSeconds : undefined,
      };
      const noted = this.#count(this.#noted.get(key), nowMs, lineOf(refusal, id), fields);
      this.#noted.set(key, noted);
    } else {
      const line = `Refused clients with more than ${maxClients} ids within a minute; the last one claimed ${id}.`;
      this.#others = this.#count(this.#others, nowMs, line, { client_id: id, reason: 'too_many' });
    }
  }

  /** `before`: the previous entry for the same line. */
  #count(before: Noted | undefined, nowMs: number, text: string, fields: ExposeLine['fields'] & object): Noted {
    if (before !== undefined && nowMs - before.atMs < everyMs) {
      before.unnoted += 1;
      return before;
    }
    this.#print({ event: 'client_refused', level: 'warn', text, fields, omitted: before?.unnoted ?? 0 });
    return { atMs: nowMs, unnoted: 0 };
  }

  #hasRoomFor(key: string, nowMs: number): boolean {
    if (this.#noted.has(key) || this.#noted.size < maxClients) return true;
    // At most 100 entries to check; each is removed once.
    for (const [old, { atMs }] of this.#noted) if (nowMs - atMs >= everyMs) this.#noted.delete(old);
    return this.#noted.size < maxClients;
  }
}

function lineOf(refusal: ClientRefusal, id: string): string {
  switch (refusal.reason) {
    case 'not_admitted':
      return `Refused the client ${id}: --allow-client does not list it.`;
    case 'clock_skew':
      return `Refused the client ${id}: ${skewText(refusal.skewSeconds, 'this machine', 'its own')}; correct the wrong clock.`;
  }
}
