// Publishes the events of the lease directory on the channels of kernel/events.ts, with each relay
// as its URL.
import { leaseListFailed, leaseMoved, leaseNameRefused, leasesListed } from '../kernel/events.ts';
import type { LeaseListStatus } from '../kernel/http/status.ts';
import { codeOf, reasonOf } from '../kernel/reason.ts';
import type { DirectoryEvent, ListStatus } from './directory-report.ts';

interface Relay {
  readonly relay: string;
}

export function publishDirectoryEvent(event: DirectoryEvent<Relay>): void {
  switch (event.event) {
    case 'listed': {
      if (!leasesListed.hasSubscribers) return;
      const { source, leases, ignored } = event;
      leasesListed.publish({ relay: source.relay, leases, ignored });
      return;
    }
    case 'list_failed':
      if (leaseListFailed.hasSubscribers)
        leaseListFailed.publish({
          relay: event.source.relay,
          code: failureCodeOf(event.error),
          reason: reasonOf(event.error),
        });
      return;
    case 'moved': {
      const { name, from, to } = event;
      if (leaseMoved.hasSubscribers) leaseMoved.publish({ name, from, to });
      return;
    }
    case 'name_refused': {
      if (!leaseNameRefused.hasSubscribers) return;
      const { sources, name, id, holder } = event;
      leaseNameRefused.publish({ relays: sources.map(({ relay }) => relay), name, leaseId: id, holder });
      return;
    }
  }
}

export function listStatusOf({ source, leases, ignored, failure }: ListStatus<Relay>): LeaseListStatus {
  return { relay: source.relay, leases, ignored, error: failure === undefined ? undefined : reasonOf(failure) };
}

function failureCodeOf(error: unknown): string {
  return codeOf(error) ?? (error instanceof DOMException ? error.name : 'unknown');
}
