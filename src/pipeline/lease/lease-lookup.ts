// Looks up the lease of a request: limits how many requests wait for the relays, and makes callers
// that may not call a lease wait as long as for an unknown one, so that the time does not reveal
// whether it exists.
import { GatewayError, internalError } from '../../kernel/errors/gateway-error.ts';
import type { Sink } from '../../kernel/http/http.ts';
import { leasePins } from '../../policy/lease-pins.ts';
import type { DirectoryResponse, LeaseDirectory } from '../../route/lease-directory.ts';
import type { Lease, Transport } from '../../upstream/transport.ts';
import type { Exchange } from '../stage.ts';

export type LookupResult = DirectoryResponse<Lease, Transport>;

/** `waited`: whether the request waited for the relays. */
type Proceed = (result: LookupResult, waited: boolean) => void;

export class LeaseLookup {
  readonly directory: LeaseDirectory<Lease, Transport>;
  /** Waiting requests are not in flight yet, so they need a limit of their own. */
  #waiting = 0;

  constructor(directory: LeaseDirectory<Lease, Transport>) {
    this.directory = directory;
  }

  /** `isHidden`: whether the rules for the name alone hide from the caller if the lease exists. */
  find(exchange: Exchange, sink: Sink, isHidden: () => boolean, proceed: Proceed): void {
    const result = this.directory.find(wanted(exchange), isHidden);
    if (result instanceof Promise) {
      this.#wait(exchange, sink, result, (late) => {
        proceed(late, true);
      });
    } else proceed(result, false);
  }

  /**
   * Looks up again after a dial found that the relay does not know the lease `goneId`. The request
   * is in flight, which limits how many wait. Never rejects.
   */
  findAgain(exchange: Exchange, goneId: string): Promise<LookupResult> {
    return this.directory.findAgain(wanted(exchange), goneId);
  }

  /**
   * Proceeds after the time that a look-up of an unknown lease would take, or at once if the
   * request has already `waited`.
   */
  evenOut(exchange: Exchange, sink: Sink, waited: boolean, proceed: () => void): void {
    const wait = waited ? undefined : this.directory.unknownWait();
    if (wait === undefined) proceed();
    else this.#wait(exchange, sink, wait, proceed);
  }

  #wait<T>(exchange: Exchange, sink: Sink, result: Promise<T>, proceed: (value: T) => void): void {
    if (this.#waiting >= exchange.policy.limits.maxInFlight) {
      sink.fail(tooManyWait());
      return;
    }
    this.#waiting += 1;
    result
      .finally(() => {
        this.#waiting -= 1;
      })
      .then((value) => {
        if (exchange.cancellation.cancelled) {
          sink.fail(new GatewayError('client_closed', 'The client left before its lease was found.'));
        } else proceed(value);
      })
      .catch((cause: unknown) => {
        sink.fail(internalError(cause));
      });
  }
}

/** A pinned name is not ambiguous, however many leases use it. */
function wanted({ route, policy }: Exchange): string {
  const name = route?.lease ?? '';
  return leasePins(policy).idOf(name) ?? name;
}

function tooManyWait(): GatewayError {
  return new GatewayError('overloaded', 'Too many requests are waiting for the relays to list their leases.', {
    retryAfterSeconds: 1,
  });
}
