// Collects metric families: each metric is one function that declares its family and says what
// changes it, an event or a measurement on each scrape. Families are printed in the order in which
// they were declared.
import type { Clock } from '../../kernel/clock.ts';
import { listen, type EventChannel } from '../../kernel/events.ts';
import type { GatewayStatus } from '../../kernel/http/status.ts';
import {
  type CounterOrGauge,
  counter,
  type Family,
  gauge,
  type Histogram,
  histogram,
  type HistogramOptions,
  type OwnOptions,
} from './family.ts';
import { LeaseLabels } from './lease-labels.ts';

/** Declares one metric, or several that the same event changes. */
export type Metric = (metrics: MetricRegistry) => void;

export class MetricRegistry {
  /** The version of the gateway. */
  readonly version: string;
  readonly clock: Clock;
  /** Shared by all metrics, so that the same leases are labelled in each. */
  readonly leases: LeaseLabels = new LeaseLabels();
  readonly families: (Family<CounterOrGauge> | Family<Histogram>)[] = [];
  readonly #measures: ((status: GatewayStatus) => void)[] = [];
  readonly #ends: (() => void)[] = [];

  /** Counting starts at once. */
  constructor(version: string, metrics: readonly Metric[], clock: Clock) {
    this.version = version;
    this.clock = clock;
    for (const metric of metrics) metric(this);
  }

  counter(options: OwnOptions): Family<CounterOrGauge> {
    return this.#add(counter(options));
  }

  gauge(options: OwnOptions): Family<CounterOrGauge> {
    return this.#add(gauge(options));
  }

  histogram(options: HistogramOptions): Family<Histogram> {
    return this.#add(histogram(options));
  }

  /** Calls the listener for each event until close(). */
  on<Message>(channel: EventChannel<Message>, listener: (message: Message) => void): void {
    this.#ends.push(listen(channel, listener));
  }

  /** Calls `measure` before each scrape. */
  onScrape(measure: (status: GatewayStatus) => void): void {
    this.#measures.push(measure);
  }

  onClose(end: () => void): void {
    this.#ends.push(end);
  }

  text(status: GatewayStatus): string {
    for (const measure of this.#measures) measure(status);
    return this.families.map((family) => family.text()).join('');
  }

  /** Stops counting. Idempotent. */
  close(): void {
    for (const end of this.#ends) end();
  }

  #add<F extends Family<CounterOrGauge> | Family<Histogram>>(family: F): F {
    this.families.push(family);
    return family;
  }
}
