// Owns the step from the lease that the path names to the lease that will be dialled. The directory decides; this stage only
// turns its verdict into answers.
import { aclOf } from '../../guard/acl.ts';
import { GatewayError } from '../../kernel/errors.ts';
import type { Sink } from '../../kernel/http.ts';
import { effectiveTimeouts } from '../../policy/effective-timeouts.ts';
import { leasePins } from '../../policy/lease-pins.ts';
import { leaseSettings } from '../../policy/lease-settings.ts';
import type { DirectoryAnswer, LeaseDirectory } from '../../route/lease-directory.ts';
import type { Found } from '../../route/lease-index.ts';
import type { Lease, Transport } from '../../upstream/transport.ts';
import type { Dispatch, Exchange, Stage } from '../stage.ts';
import { refusal } from './authorise.ts';
import { failed } from './failed.ts';

type Answer = DirectoryAnswer<Lease, Transport>;

/** A relay client comes back within its first back-off steps, or not soon. */
const noRelayRetrySeconds = 1;

export function resolveLease(directory: LeaseDirectory<Lease, Transport>): Stage {
  return function resolveLeaseStage(next): Dispatch {
    /** For the relays to answer. They have no place in flight yet, and so no other bound. */
    let waiting = 0;

    function proceed(exchange: Exchange, sink: Sink, answer: Answer): void {
      switch (answer.kind) {
        case 'found': {
          const { lease } = answer.found;
          if (!lease.alpn.includes('http/1.1')) {
            if (hidesFrom(exchange, sink)) return;
            sink.fail(new GatewayError('lease_unreachable', 'This lease does not offer http/1.1.'));
            return;
          }
          const names = rightfulNames(exchange, answer.found);
          if (names === undefined) {
            if (hidesFrom(exchange, sink)) return;
            sink.fail(pinnedElsewhere());
            return;
          }
          exchange.destination = destinationOf(exchange, answer.found, names);
          next(exchange, sink);
          return;
        }
        case 'unknown':
          if (hidesFrom(exchange, sink)) return;
          if (directory.known(exchange.route?.lease ?? '') !== undefined) {
            sink.fail(pinnedElsewhere());
            return;
          }
          sink.fail(new GatewayError('lease_not_found', 'No relay lists a lease of this name or id.'));
          return;
        case 'lost':
          if (hidesFrom(exchange, sink)) return;
          // Not 404: callers that try again are right to, and proxies remember a 404.
          sink.fail(
            new GatewayError('lease_unreachable', 'The app behind this lease was here a moment ago and is not now.'),
          );
          return;
        case 'ambiguous':
          if (hidesFrom(exchange, sink)) return;
          sink.fail(
            new GatewayError('lease_ambiguous', 'The name fits several leases; use the id of the one you mean.'),
          );
          return;
        case 'no_relay':
          sink.fail(
            new GatewayError('no_relay', 'The gateway is not connected to a relay.', {
              retryAfterSeconds: noRelayRetrySeconds,
            }),
          );
          return;
      }
    }

    return function resolve(exchange, sink) {
      const name = exchange.route?.lease ?? '';
      // By its pin a name is not ambiguous, however many leases go by it.
      const answer = directory.find(leasePins(exchange.policy).idOf(name) ?? name);
      if (!(answer instanceof Promise)) {
        proceed(exchange, sink, answer);
        return;
      }
      if (waiting >= exchange.policy.limits.maxInFlight) {
        sink.fail(tooManyWait());
        return;
      }
      waiting += 1;
      answer
        .finally(() => {
          waiting -= 1;
        })
        .then((late) => {
          if (exchange.cancellation.cancelled) {
            sink.fail(new GatewayError('client_closed', 'The client left before its lease was found.'));
          } else proceed(exchange, sink, late);
        })
        .catch((cause: unknown) => {
          sink.fail(failed(cause));
        });
    };
  };
}

function tooManyWait(): GatewayError {
  return new GatewayError('overloaded', 'Too many requests wait for the relays to list their leases.', {
    retryAfterSeconds: 1,
  });
}

function pinnedElsewhere(): GatewayError {
  return new GatewayError('lease_unreachable', 'A relay leads a name to another lease than it is pinned to.');
}

/** A name that is pinned leads to its one id, whatever a relay says (product-spec §10). Undefined: this is another one. */
function rightfulNames({ policy }: Exchange, { lease, names }: Found<Lease, Transport>): readonly string[] | undefined {
  return leasePins(policy).namesOf(lease.id, names);
}

/** Whether there is such a lease is for those to know who may call it (product-spec §4). */
function hidesFrom(exchange: Exchange, sink: Sink): boolean {
  const { principal, policy, route } = exchange;
  if (principal === undefined || aclOf(policy).wouldAllow(route?.lease ?? '', principal)) return false;
  sink.fail(refusal(exchange));
  return true;
}

function destinationOf(
  exchange: Exchange,
  found: Found<Lease, Transport>,
  names: readonly string[],
): Exchange['destination'] {
  const { policy, route, authority = '' } = exchange;
  const { lease, sources, host } = found;
  const settings = leaseSettings(policy).find(lease.id, lease.name);
  // Contract §2: by its host the app is known by what the client called it, by a path it has its own name.
  const usual = route?.kind === 'host' ? authority : host;
  return {
    lease,
    names,
    transports: sources,
    host: settings === undefined || settings.hostHeader === '' ? usual : settings.hostHeader,
    settings,
    timeouts: effectiveTimeouts(policy, lease.id, lease.name, route?.target ?? '/'),
  };
}
