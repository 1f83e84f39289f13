// Decides what `expose` prints while it runs, apart from requests, and which first failure ends the
// command instead of being retried: one that only the user can fix, while no relay has taken the
// lease.
import type { AppFailure, AppFault } from '../../expose/app/app-fault.ts';
import type { ExposeEvent } from '../../expose/expose-event.ts';
import type { Target } from '../../expose/app/target.ts';
import type { PortalError, PortalErrorCode, RelayClientEvent } from '../../portal/index.ts';
import { printable } from '../../kernel/printable.ts';
import { shownRequest } from './shown-request.ts';
import { RelaySkewLines } from '../../kernel/clock-skew.ts';
import { ignore } from '../../kernel/ignore.ts';
import { systemClock } from '../../kernel/clock.ts';
import { LeaseNotes } from './lease-notes.ts';
import { LineBudget } from './line-budget.ts';
import { atRelay } from '../run/relay-trust.ts';
import { RefusedClients } from './refused-clients.ts';
import type { ExposeLine, ExposeOutput } from './expose-output.ts';

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
  readonly #output: Pick<ExposeOutput, 'line' | 'published'>;
  readonly #target: Target;
  readonly #servers: string;
  readonly #leases: LeaseNotes;
  readonly #published = new Set<string>();
  readonly #unreachable = new Set<string>();
  readonly #nowMs: () => number;
  readonly #budgets = new Map<string, LineBudget>();
  readonly #clocks = new RelaySkewLines();
  readonly #refusedClients: RefusedClients;
  #keysFailed = '';
  #targetLine: ExposeLine | undefined;
  #goesOn = false;
  #excessNotedMs = -Infinity;
  #excessUnnoted = 0;
  #giveUp: (error: unknown) => void = ignore;

  /**
   * `servers`: the gateways that may connect, as the subject of a sentence. `nowMs`: monotonic.
   * `wallMs`: since 1970.
   */
  constructor(
    output: Pick<ExposeOutput, 'line' | 'published'>,
    { target, servers }: { readonly target: Target; readonly servers: string },
    nowMs: () => number = () => systemClock.monotonicMs(),
    wallMs: () => number = () => systemClock.wallMs(),
  ) {
    this.#nowMs = nowMs;
    this.#leases = new LeaseNotes(output, { nowMs, wallMs });
    this.#output = output;
    this.#target = target;
    this.#servers = servers;
    this.#refusedClients = new RefusedClients((line) => {
      output.line(line);
    }, nowMs);
    this.hopeless = new Promise((_resolve, reject) => {
      this.#giveUp = reject;
    });
    // Avoids an unhandled rejection when `expose` stops for another reason.
    this.hopeless.catch(ignore);
  }

  /** Whether a relay has taken the lease. */
  get hasPublished(): boolean {
    return this.#published.size > 0;
  }

  readonly relayEvent = (event: RelayClientEvent): void => {
    const { relay } = event;
    if (event.type !== 'attempt_failed' || !this.#isHopeless(event.error.code)) this.#noteTarget();
    switch (event.type) {
      case 'up':
        this.#unreachable.delete(relay);
        break;
      case 'published':
        this.#notePublished(relay, event.name, event.leaseId);
        break;
      case 'down':
        this.#warn('relay_lost', `Lost ${relay}: ${event.error.message}. Reconnecting.`, {
          relay,
          code: event.error.code,
        });
        break;
      case 'attempt_failed':
        this.#noteAttempt(relay, event.error);
        break;
      case 'publish_failed': {
        const { name, error } = event;
        if (this.#isHopeless(error.code)) this.#giveUp(atRelay(relay, error));
        else if (error.code === 'lease_rejected') this.#leases.rejected(relay, name, error);
        else this.#warn('publish_failed', `${error.message} (${relay}). Retrying.`, { relay, code: error.code });
        break;
      }
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
      case 'target_failed':
        this.#noteFailure(event);
        break;
      case 'target_excess':
        this.#noteExcess(event.method, event.path);
        break;
      case 'assertion_keys_failed': {
        const { source, reason } = event;
        const text = printable(
          `Cannot load the keys of the gateway from ${source} (${printable(reason)}). Retrying.`,
          1000,
        );
        // One line for each reason.
        if (text !== this.#keysFailed) this.#warn('assertion_keys_failed', text, { source, reason: printable(reason) });
        this.#keysFailed = text;
        break;
      }
      case 'assertion_refused': {
        const text = `401: a request had no valid assertion of the gateway (${event.fault}).`;
        this.#noteSome({ event: 'assertion_refused', level: 'warn', text, fields: { reason: event.fault } });
        break;
      }
      case 'tunnel_refused': {
        const { openTunnels } = event;
        const text = `Refused a connection: ${openTunnels} are already open, the limit set by --max-tunnels.`;
        this.#noteSome({ event: 'connection_refused', level: 'warn', text, fields: { open: openTunnels } });
        break;
      }
    }
  };

  /**
   * Reports that the app accepts no connection. `atStart`: printed once a relay is connected or
   * being retried, so that an `expose` that fails prints one line.
   */
  readonly targetLost = ({ proxyError, reason }: AppFault, atStart: boolean): void => {
    const { origin } = this.#target;
    const nothingListens = proxyError === 'connection_refused';
    const what = nothingListens ? `Nothing listens on ${origin}` : `${origin} does not respond (${printable(reason)})`;
    const when = !nothingListens ? '' : atStart ? ' yet' : ' any more';
    const text = `${what}${when}; requests get 502 until ${nothingListens ? 'something' : 'it'} does.`;
    const line = {
      event: 'app_lost',
      level: 'warn',
      text,
      fields: { target: origin, reason: printable(reason) },
    } as const;
    if (!atStart || this.#goesOn) this.#noteSome(line);
    else this.#targetLine = line;
  };

  readonly targetReturned = (): void => {
    const { origin } = this.#target;
    const isUnnoted = this.#targetLine !== undefined;
    this.#targetLine = undefined;
    if (isUnnoted) return;
    const text = `${origin} accepts connections now.`;
    this.#noteSome({ event: 'app_returned', level: 'info', text, fields: { target: origin } });
  };

  #notePublished(relay: string, name: string, leaseId: string): void {
    const { origin } = this.#target;
    const isFirst = this.#published.size === 0;
    const paths = [`/peer/${encodeURIComponent(name)}/`, `/peer/${leaseId}/`];
    if (!this.#published.has(relay)) this.#output.published({ name, leaseId, relay });
    this.#output.line({
      event: 'published',
      level: 'info',
      text: `Published ${origin} as "${name}" on ${relay}.`,
      hint: isFirst ? `Its lease is ${leaseId}. ${this.#servers} at ${paths.join(' and ')}` : undefined,
      fields: { name, lease_id: leaseId, relay, target: origin, paths },
    });
    this.#published.add(relay);
    this.#leases.published(relay);
  }

  #noteAttempt(relay: string, error: PortalError): void {
    const { code, message } = error;
    if (this.#isHopeless(code)) this.#giveUp(error);
    // One line for each loss; later failed attempts are not printed.
    else if (!this.#unreachable.has(relay))
      this.#warn('relay_unreachable', `Not connected: ${message}. Retrying.`, { relay, code });
    this.#unreachable.add(relay);
  }

  #noteTarget(): void {
    this.#goesOn = true;
    if (this.#targetLine !== undefined) this.#noteSome(this.#targetLine);
    this.#targetLine = undefined;
  }

  #noteClock(relay: string, skewSeconds: number): void {
    const line = this.#clocks.take(relay, skewSeconds);
    if (line === undefined) return;
    const level = line.isFault ? 'warn' : 'info';
    const fields = { relay, skew_seconds: Math.round(skewSeconds) };
    this.#output.line({ event: 'clock_skew', level, text: `${relay}: ${line.text}.`, fields });
  }

  #noteFailure({ outcome, method, path, failure, reason }: ExposeEvent & { readonly type: 'target_failed' }): void {
    const what = failureText[failure](this.#target.origin);
    const request = shownRequest(method, path);
    const line = {
      event: 'request_failed',
      level: 'warn',
      text: `${outcome} ${request.method} ${request.path}: ${what} (${printable(reason)}).`,
      fields: { ...request, status: outcome === 'cut' ? undefined : outcome, failure, reason: printable(reason) },
    } as const;
    this.#noteSome(line, failure);
  }

  /** Callers and apps can cause thousands of these a second, so each `kind` has a line budget. */
  #noteSome(line: ExposeLine, kind: string = line.event): void {
    const nowMs = this.#nowMs();
    let budget = this.#budgets.get(kind);
    if (budget === undefined) this.#budgets.set(kind, (budget = new LineBudget(nowMs)));
    const omitted = budget.take(nowMs);
    if (omitted !== undefined) this.#output.line({ ...line, omitted });
  }

  #noteExcess(method: string, path: string): void {
    const nowMs = this.#nowMs();
    if (nowMs - this.#excessNotedMs < excessEveryMs) {
      this.#excessUnnoted += 1;
      return;
    }
    const omitted = this.#excessUnnoted;
    this.#excessNotedMs = nowMs;
    this.#excessUnnoted = 0;
    const request = shownRequest(method, path);
    const text = `${this.#target.origin} sent bytes after the end of its response to ${request.method} ${request.path}. The response was forwarded, and the connection was closed.`;
    this.#output.line({ event: 'excess_bytes', level: 'warn', text, fields: request, omitted });
  }

  #warn(event: ExposeLine['event'], text: string, fields: ExposeLine['fields'] & object): void {
    this.#output.line({ event, level: 'warn', text, fields });
  }

  #isHopeless(code: PortalErrorCode): boolean {
    return this.#published.size === 0 && hopelessAtFirst.has(code);
  }
}
