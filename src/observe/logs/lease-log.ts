// Logs what relays list: lists that cannot be fetched, entries that are ignored, names that change
// or are claimed by a second lease.
import type { Logger } from 'pino';
import type { Clock } from '../../kernel/clock.ts';
import {
  leaseListFailed,
  leaseMissed,
  leaseMoved,
  leaseNameRefused,
  leasesListed,
  listen,
  type LeaseListFailed,
  type LeaseMissed,
  type LeaseMoved,
  type LeaseNameRefused,
  type LeasesListed,
} from '../../kernel/events.ts';
import { distinctName, printable } from '../../kernel/printable.ts';

/** Names are untrusted text. */
const maxNameCharacters = 256;
/**
 * Relays list whatever apps publish: further name changes within the window are counted, not
 * logged.
 */
const maxNameLines = 100;
const windowMs = 60_000;

/** One warning for each new state, not one for each list. Returns a function that stops it. */
export function writeLeaseLog(log: Logger, clock: Clock): () => void {
  /** Relay -> code of the last logged failure. */
  const failures = new Map<string, string>();
  /** Relay -> reasons that were logged. */
  const ignoredBefore = new Map<string, ReadonlySet<string>>();
  const nameLines = new LineBudget(clock);

  const ends = [
    listen(leaseListFailed, ({ relay, code, reason }: LeaseListFailed) => {
      const level = failures.get(relay) === code ? 'debug' : 'warn';
      failures.set(relay, code);
      log[level]({ relay, code, reason }, 'cannot fetch the lease list of the relay; the last one stays in use');
    }),
    listen(leasesListed, ({ relay, leases, ignored }: LeasesListed) => {
      if (failures.delete(relay)) log.info({ relay, leases }, 'lease list of the relay fetched again');
      const logged = ignoredBefore.get(relay);
      for (const [reason, count] of ignored) {
        if (logged?.has(reason) !== true)
          log.warn({ relay, reason, count }, 'entries in the lease list of the relay are ignored');
      }
      ignoredBefore.set(relay, new Set(ignored.keys()));
    }),
    listen(leaseMoved, ({ name, from, to }: LeaseMoved) => {
      if (nameLines.take())
        log.warn(
          { name: distinctName(name, maxNameCharacters), from, to },
          'a lease name now resolves to another id; portal.lease_pins or portal.name_binding: strict can prevent this',
        );
    }),
    listen(leaseMissed, ({ requestId, name, near }: LeaseMissed) => {
      const [lease, meant] = [printable(name, maxNameCharacters), printable(near, maxNameCharacters)];
      log.warn(
        { request_id: requestId, lease, near: meant },
        'a request names an unknown lease; another has nearly its name',
      );
    }),
    listen(leaseNameRefused, ({ relays, name, leaseId, holder }: LeaseNameRefused) => {
      if (!nameLines.take()) return;
      const fields = { name: distinctName(name, maxNameCharacters), lease_id: leaseId, holder, relays };
      if (holder !== undefined) log.warn(fields, 'a second lease claims a name that is taken, and does not get it');
      else
        log.warn(fields, 'a lease name is listed with an id that is not accepted; see "portal-gateway leases accept"');
    }),
  ];
  return () => {
    for (const end of ends) end();
  };
}

class LineBudget {
  readonly #clock: Clock;
  #left = maxNameLines;
  #untilMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#untilMs = clock.monotonicMs() + windowMs;
  }

  take(): boolean {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs >= this.#untilMs) {
      this.#untilMs = nowMs + windowMs;
      this.#left = maxNameLines;
    }
    this.#left -= 1;
    return this.#left >= 0;
  }
}
