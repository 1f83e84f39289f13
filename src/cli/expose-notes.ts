// Owns what `expose` says while it runs, and which first failure makes it give up instead of trying for ever: one that only the
// person at the terminal can mend.
import type { ExposeEvent } from '../expose/forward.ts';
import type { Target } from '../expose/target.ts';
import type { PortalErrorCode, RelayClientEvent } from '../portal/index.ts';
import { printable } from '../kernel/printable.ts';
import type { Terminal } from './terminal.ts';

/** On a relay that never took us, these don't pass by themselves. */
const hopelessAtFirst: ReadonlySet<PortalErrorCode> = new Set([
  'bad_relay_url',
  'not_a_relay',
  'relay_tls',
  'lease_rejected',
  'lease_refused',
]);

export class ExposeNotes {
  /** Rejects with what makes going on pointless; never resolves. */
  readonly hopeless: Promise<never>;
  readonly #terminal: Terminal;
  readonly #target: Target;
  readonly #published = new Set<string>();
  readonly #unreachable = new Set<string>();
  #keysFailed = '';
  #giveUp: (error: Error) => void = () => undefined;

  constructor(terminal: Terminal, target: Target) {
    this.#terminal = terminal;
    this.#target = target;
    this.hopeless = new Promise((_resolve, reject) => {
      this.#giveUp = reject;
    });
    // Whoever stops first leaves the other unheard.
    this.hopeless.catch(() => undefined);
  }

  readonly relayEvent = (event: RelayClientEvent): void => {
    const { relay } = event;
    switch (event.type) {
      case 'up':
        this.#unreachable.delete(relay);
        break;
      case 'published':
        if (!this.#published.has(relay)) this.#terminal.result(`${event.name} ${event.leaseId} ${relay}`);
        this.#terminal.note(`Published ${this.#target.origin} as "${event.name}" on ${relay}.`);
        this.#published.add(relay);
        break;
      case 'down':
        this.#terminal.note(`Lost ${relay}: ${event.error.message}. Coming back.`);
        break;
      case 'attempt_failed':
        if (this.#isHopeless(relay, event.error.code)) this.#giveUp(event.error);
        // Once for each loss: the attempts after it go on quietly.
        else if (!this.#unreachable.has(relay)) this.#terminal.note(`${event.error.message}. Trying on.`);
        this.#unreachable.add(relay);
        break;
      case 'publish_failed':
        if (this.#isHopeless(relay, event.error.code)) this.#giveUp(event.error);
        else this.#terminal.note(`${event.error.message} (${relay}). Trying on.`);
        break;
    }
  };

  readonly exposeEvent = (event: ExposeEvent): void => {
    switch (event.type) {
      case 'target_failed': {
        const reason =
          'code' in event.error && typeof event.error.code === 'string' ? event.error.code : event.error.message;
        this.#terminal.note(`502 ${event.method} ${printable(event.path)}: ${this.#target.origin} failed (${reason}).`);
        break;
      }
      case 'assertion_keys_failed': {
        const line = `No keys of the gateway from ${event.source} (${printable(event.reason)}). Trying on.`;
        // Once for each reason.
        if (line !== this.#keysFailed) this.#terminal.note(printable(line, 1000));
        this.#keysFailed = line;
        break;
      }
      case 'assertion_refused':
        this.#terminal.note(`401: a request with no valid assertion of the gateway (${event.fault}).`);
        break;
      case 'tunnel_refused':
        this.#terminal.note(`A connection was refused: ${event.openTunnels} are open already.`);
        break;
    }
  };

  #isHopeless(relay: string, code: PortalErrorCode): boolean {
    return !this.#published.has(relay) && hopelessAtFirst.has(code);
  }
}
