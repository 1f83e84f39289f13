// Metrics of relays and their tunnels. States are measured on each scrape; dials are counted by
// events.
import {
  clockCompared,
  dialFinished,
  leaseListFailed,
  leasesListed,
  listen,
  type ClockCompared,
  type DialFinished,
  type LeaseListFailed,
  type LeasesListed,
} from '../../kernel/events.ts';
import type { GatewayStatus } from '../../kernel/http/status.ts';
import { counter, gauge, histogram } from './family.ts';
import type { LeaseLabels } from './lease-labels.ts';

/** portal.timeouts.dial is 10 s by default. */
const dialBounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export class RelayMetrics {
  readonly #leases: LeaseLabels;
  readonly #connected = gauge({
    name: 'portal_connected',
    help: '1 while the relay is connected, otherwise 0.',
    labels: ['relay'],
  });
  readonly #rtts = gauge({
    name: 'relay_rtt_seconds',
    help: 'Round-trip time of the last keepalive to the relay.',
    labels: ['relay'],
  });
  readonly #skews = gauge({
    name: 'clock_skew_seconds',
    help: "The gateway's clock minus the relay's, as last measured; tunnels need clocks within 30 s of each other.",
    labels: ['relay'],
  });
  readonly #tunnels = gauge({
    name: 'tunnels',
    help: 'Tunnels, by lease and state: idle, or active (in use or being dialled).',
    labels: ['lease_id', 'state'],
  });
  readonly #dials = counter({
    name: 'portal_dials_total',
    help: 'Dials through the relay, by outcome: ok, an error code, or aborted when no request was waiting any more.',
    labels: ['relay', 'outcome'],
  });
  readonly #durations = histogram({
    name: 'portal_dial_duration_seconds',
    help: 'Duration of successful dials.',
    labels: ['relay'],
    bounds: dialBounds,
  });
  readonly #listFailures = counter({
    name: 'lease_list_failures_total',
    help: 'Lease lists that could not be fetched from the relay.',
    labels: ['relay'],
  });
  readonly #ignored = counter({
    name: 'lease_list_ignored_total',
    help: 'Ignored entries of lease lists, by reason; counted in every list received.',
    labels: ['relay', 'reason'],
  });
  readonly close: () => void;

  constructor(leases: LeaseLabels) {
    this.#leases = leases;
    const ends = [
      listen(clockCompared, this.#compared),
      listen(dialFinished, this.#dialled),
      listen(leaseListFailed, this.#listFailed),
      listen(leasesListed, this.#listed),
    ];
    this.close = () => {
      for (const end of ends) end();
    };
  }

  text({ relays, tunnels }: GatewayStatus): string {
    for (const family of [this.#connected, this.#rtts, this.#tunnels]) family.clear();
    for (const { relay, state, rttMs } of relays) {
      this.#listFailures.of(relay);
      this.#connected.of(relay).value = state === 'down' ? 0 : 1;
      if (rttMs !== undefined) this.#rtts.of(relay).value = rttMs / 1000;
    }
    for (const { leaseId, idle, active } of tunnels) {
      const lease = this.#leases.labelOf(leaseId);
      this.#tunnels.of(lease, 'idle').value += idle;
      this.#tunnels.of(lease, 'active').value += active;
    }
    return [
      ...[this.#connected, this.#rtts, this.#skews, this.#tunnels, this.#dials, this.#durations],
      ...[this.#listFailures, this.#ignored],
    ]
      .map((family) => family.text())
      .join('');
  }

  readonly #compared = ({ relay, leaseId, skewSeconds }: ClockCompared): void => {
    if (leaseId === undefined) this.#skews.of(relay).value = skewSeconds;
  };

  readonly #listFailed = ({ relay }: LeaseListFailed): void => {
    this.#listFailures.of(relay).value += 1;
  };

  readonly #listed = ({ relay, ignored }: LeasesListed): void => {
    for (const [reason, count] of ignored) this.#ignored.of(relay, reason).value += count;
  };

  readonly #dialled = ({ relay, outcome, durationMs }: DialFinished): void => {
    this.#dials.of(relay, outcome).value += 1;
    if (outcome === 'ok') this.#durations.of(relay).observe(durationMs / 1000);
  };
}
