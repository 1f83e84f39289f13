// The lines that `expose` prints while it runs. Decides which first failure ends the command
// instead of being retried: one that only the user can fix, while no relay has taken the lease.
import type { AppFailure, AppFault } from '../../expose/app/app-fault.ts';
import type { ExposeEvent } from '../../expose/expose-event.ts';
import type { Target } from '../../expose/app/target.ts';
import type { PortalErrorCode, RelayClientEvent } from '../../portal/index.ts';
import { printable } from '../../kernel/printable.ts';
import { RelaySkewLines } from '../../kernel/clock-skew.ts';
import { ignore } from '../../kernel/ignore.ts';
import { systemClock } from '../../kernel/clock.ts';
import { LeaseNotes } from './lease-notes.ts';
import { LineBudget } from './line-budget.ts';
import { atRelay } from '../run/relay-trust.ts';
import { RefusedClients } from './refused-clients.ts';
import type { Terminal } from '../terminal.ts';

/**
 * Errors that do not go away by themselves, on a relay that never accepted the lease. They do not
 * end the command once any relay has accepted it: callers are served there.
 */
const hopelessAtFirst: ReadonlySet<PortalErrorCode> = new Set([
  'bad_relay_url',
  'not_a_relay',
  'relay_tls',
  'lease_refused',
]);

const failureText: Readonly<Record<AppFailure, (origin: string) => string>> = {
  unreachable: (origin) => `${origin} does not respond`,
  not_http: (origin) => `the response of ${origin} is not HTTP`,
  incomplete: (origin) => `${origin} ended the connection in the middle of its response`,
  too_late: (origin) => `${origin} did not begin its response in time`,
};

/** An app that does this once does it on every request. */
const excessEveryMs = 60_000;

export class ExposeNotes {
  /** Rejects with an error that retrying cannot fix; never resolves. */
  readonly hopeless: Promise<never>;
  readonly #terminal: Terminal;
  readonly #target: Target;
  readonly #leases: LeaseNotes;
  readonly #published = new Set<string>();
  readonly #unreachable = new Set<string>();
  readonly #nowMs: () => number;
  readonly #budgets = new Map<string, LineBudget>();
  readonly #clocks = new RelaySkewLines();
  readonly #refusedClients: RefusedClients;
  #keysFailed = '';
  #targetLine: string | undefined;
  #goesOn = false;
  #excessNotedMs = -Infinity;
  #excessUnnoted = 0;
  #giveUp: (error: unknown) => void = ignore;

  /** `nowMs`: monotonic. `wallMs`: since 1970. */
  constructor(
    terminal: Terminal,
    target: Target,
    nowMs: () => number = () => systemClock.monotonicMs(),
    wallMs: () => number = () => systemClock.wallMs(),
  ) {
    this.#nowMs = nowMs;
    this.#leases = new LeaseNotes(terminal, { nowMs, wallMs });
    this.#terminal = terminal;
    this.#target = target;
    this.#refusedClients = new RefusedClients((line) => {
      terminal.note(line);
    }, nowMs);
    this.hopeless = new Promise((_resolve, reject) => {
      this.#giveUp = reject;
    });
    // Avoids an unhandled rejection when `expose` stops for another reason.
    this.hopeless.catch(ignore);
  }

  readonly relayEvent = (event: RelayClientEvent): void => {
    const { relay } = event;
    if (event.type !== 'attempt_failed' || !this.#isHopeless(event.error.code)) this.#noteTarget();
    switch (event.type) {
      case 'up':
        this.#unreachable.delete(relay);
        break;
      case 'published':
        if (!this.#published.has(relay)) this.#terminal.result(`${event.name} ${event.leaseId} ${relay}`);
        this.#terminal.note(`Published ${this.#target.origin} as "${event.name}" on ${relay}.`);
        this.#published.add(relay);
        this.#leases.published(relay);
        break;
      case 'down':
        this.#terminal.note(`Lost ${relay}: ${event.error.message}. Reconnecting.`);
        break;
      case 'attempt_failed':
        if (this.#isHopeless(event.error.code)) this.#giveUp(event.error);
        // One line for each loss; later failed attempts are not printed.
        else if (!this.#unreachable.has(relay)) this.#terminal.note(`Not connected: ${event.error.message}. Retrying.`);
        this.#unreachable.add(relay);
        break;
      case 'publish_failed':
        if (this.#isHopeless(event.error.code)) this.#giveUp(atRelay(relay, event.error));
        else if (event.error.code === 'lease_rejected') this.#leases.rejected(relay, event.name, event.error);
        else this.#terminal.note(`${event.error.message} (${relay}). Retrying.`);
        break;
      case 'lease_contested':
        this.#leases.contested(relay, event.name, event.expiresAtMs);
        break;
      case 'clock_measured':
        this.#noteClock(relay, event.skewMs / 1_000);
        break;
      case 'client_refused':
        this.#refusedClients.add(event);
        break;
    }
  };

  readonly exposeEvent = (event: ExposeEvent): void => {
    switch (event.type) {
      case 'target_failed': {
        const { outcome, method, path, failure, reason } = event;
        const what = failureText[failure](this.#target.origin);
        this.#noteSome(failure, `${outcome} ${method} ${printable(path)}: ${what} (${printable(reason)}).`);
        break;
      }
      case 'target_excess':
        this.#noteExcess(event.method, event.path);
        break;
      case 'assertion_keys_failed': {
        const line = `Cannot load the keys of the gateway from ${event.source} (${printable(event.reason)}). Retrying.`;
        // One line for each reason.
        if (line !== this.#keysFailed) this.#terminal.note(printable(line, 1000));
        this.#keysFailed = line;
        break;
      }
      case 'assertion_refused':
        this.#noteSome(event.type, `401: a request had no valid assertion of the gateway (${event.fault}).`);
        break;
      case 'tunnel_refused':
        this.#noteSome(
          event.type,
          `Refused a connection: ${event.openTunnels} are already open, the limit set by --max-tunnels.`,
        );
        break;
    }
  };

  /**
   * Reports that the app accepts no connection when `expose` starts. Printed once a relay is
   * connected or being retried, so that an `expose` that fails prints one line.
   */
  targetFault({ proxyError, reason }: AppFault): void {
    const { origin } = this.#target;
    this.#targetLine =
      proxyError === 'connection_refused'
        ? `Nothing listens on ${origin} yet; requests get 502 until something does.`
        : `${origin} does not respond (${printable(reason)}); requests get 502 until it does.`;
    if (this.#goesOn) this.#noteTarget();
  }

  #noteTarget(): void {
    this.#goesOn = true;
    if (this.#targetLine !== undefined) this.#terminal.note(this.#targetLine);
    this.#targetLine = undefined;
  }

  #noteClock(relay: string, skewSeconds: number): void {
    const line = this.#clocks.take(relay, skewSeconds);
    if (line !== undefined) this.#terminal.note(`${relay}: ${line.text}.`);
  }

  /** Callers and apps can cause thousands of these a second, so each `kind` has a line budget. */
  #noteSome(kind: string, line: string): void {
    const nowMs = this.#nowMs();
    let budget = this.#budgets.get(kind);
    if (budget === undefined) this.#budgets.set(kind, (budget = new LineBudget(nowMs)));
    const more = budget.take(nowMs);
    if (more !== undefined) this.#terminal.note(line + more);
  }

  #noteExcess(method: string, path: string): void {
    const nowMs = this.#nowMs();
    if (nowMs - this.#excessNotedMs < excessEveryMs) {
      this.#excessUnnoted += 1;
      return;
    }
    const more = this.#excessUnnoted === 0 ? '' : ` ${this.#excessUnnoted} more since the last such line.`;
    this.#excessNotedMs = nowMs;
    this.#excessUnnoted = 0;
    const request = printable(`${method} ${path}`);
    this.#terminal.note(
      `${this.#target.origin} sent bytes after the end of its response to ${request}. The response was forwarded, and the connection was closed.${more}`,
    );
  }

  #isHopeless(code: PortalErrorCode): boolean {
    return this.#published.size === 0 && hopelessAtFirst.has(code);
  }
}
