// Metrics that a reload turns on and off.
import { createMetrics, type Metrics, type MetricsOptions } from '../observe/metrics/metrics.ts';

/** For a scrape during the reload that turns metrics off. */
const nothingCounted: ReturnType<Metrics['text']> = Promise.resolve({
  contentType: 'text/plain; charset=utf-8',
  body: '',
});

export class SwitchedMetrics {
  readonly #options: MetricsOptions;
  #metrics: Metrics | undefined;

  constructor(options: MetricsOptions) {
    this.#options = options;
  }

  /** Counts from now on, or stops and forgets what was counted. Idempotent. */
  enable(enabled: boolean): void {
    if (!enabled) this.#metrics?.close();
    this.#metrics = enabled ? (this.#metrics ?? createMetrics(this.#options)) : undefined;
  }

  text(): ReturnType<Metrics['text']> {
    return this.#metrics?.text() ?? nothingCounted;
  }
}
