// Metrics of relays and their tunnels. States are measured on each scrape; dials and lists are
// counted by events.
import { clockCompared, dialFinished, leaseListFailed, leasesListed } from '../../kernel/events.ts';
import type { Metric } from './registry.ts';

/** portal.timeouts.dial is 10 s by default. */
const dialBounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export const relayMetrics: readonly Metric[] = [
  (metrics) => {
    const connected = metrics.gauge({
      name: 'portal_connected',
      help: '1 while the relay is connected, otherwise 0.',
      labels: ['relay'],
    });
    metrics.onScrape(({ relays }) => {
      connected.clear();
      for (const { relay, state } of relays) connected.of(relay).value = state === 'down' ? 0 : 1;
    });
  },
  (metrics) => {
    const rtts = metrics.gauge({
      name: 'relay_rtt_seconds',
      help: 'Round-trip time of the last keepalive to the relay.',
      labels: ['relay'],
    });
    metrics.onScrape(({ relays }) => {
      rtts.clear();
      for (const { relay, rttMs } of relays) if (rttMs !== undefined) rtts.of(relay).value = rttMs / 1000;
    });
  },
  (metrics) => {
    const skews = metrics.gauge({
      name: 'clock_skew_seconds',
      help: "The gateway's clock minus the relay's, as last measured; tunnels need clocks within 30 s of each other.",
      labels: ['relay'],
    });
    metrics.on(clockCompared, ({ relay, leaseId, skewSeconds }) => {
      if (leaseId === undefined) skews.of(relay).value = skewSeconds;
    });
  },
  (metrics) => {
    const tunnelCounts = metrics.gauge({
      name: 'tunnels',
      help: 'Tunnels, by lease and state: idle, or active (in use or being dialled).',
      labels: ['lease_id', 'state'],
    });
    metrics.onScrape(({ tunnels }) => {
      tunnelCounts.clear();
      for (const { leaseId, idle, active } of tunnels) {
        const lease = metrics.leases.labelOf(leaseId);
        tunnelCounts.of(lease, 'idle').value += idle;
        tunnelCounts.of(lease, 'active').value += active;
      }
    });
  },
  (metrics) => {
    const dials = metrics.counter({
      name: 'portal_dials_total',
      help: 'Dials through the relay, by outcome: ok, an error code, or aborted when no request was waiting any more.',
      labels: ['relay', 'outcome'],
    });
    metrics.on(dialFinished, ({ relay, outcome }) => {
      dials.of(relay, outcome).value += 1;
    });
  },
  (metrics) => {
    const durations = metrics.histogram({
      name: 'portal_dial_duration_seconds',
      help: 'Duration of successful dials.',
      labels: ['relay'],
      bounds: dialBounds,
    });
    metrics.on(dialFinished, ({ relay, outcome, durationMs }) => {
      if (outcome === 'ok') durations.of(relay).observe(durationMs / 1000);
    });
  },
  (metrics) => {
    const failures = metrics.counter({
      name: 'lease_list_failures_total',
      help: 'Lease lists that could not be fetched from the relay.',
      labels: ['relay'],
    });
    metrics.on(leaseListFailed, ({ relay }) => {
      failures.of(relay).value += 1;
    });
    // Relays without failures show 0.
    metrics.onScrape(({ relays }) => {
      for (const { relay } of relays) failures.of(relay);
    });
  },
  (metrics) => {
    const ignoredEntries = metrics.counter({
      name: 'lease_list_ignored_total',
      help: 'Ignored entries of lease lists, by reason; counted in every list received.',
      labels: ['relay', 'reason'],
    });
    metrics.on(leasesListed, ({ relay, ignored }) => {
      for (const [reason, count] of ignored) ignoredEntries.of(relay, reason).value += count;
    });
  },
];
