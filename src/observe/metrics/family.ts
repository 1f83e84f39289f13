// Metric families and their text format, Prometheus 0.0.4
// (https://prometheus.io/docs/instrumenting/exposition_formats/). The hot path keeps a plain object
// and increments its property. prom-client looks up the labels each time (1.7 us a request instead
// of 0.2, bench/micro/observe.ts); tests use it as a reference.

interface Value {
  /** The lines of the value; `labels`: the text between the braces. */
  text(name: string, labels: string): string;
}

export interface FamilyOptions {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels?: readonly string[];
  /** Label sets beyond this limit share one in which every label is `other`. */
  readonly maxValues?: number;
}

const defaultMaxValues = 10_000;

/** A counter or a gauge. */
export class CounterOrGauge implements Value {
  value = 0;

  text(name: string, labels: string): string {
    return `${name}${labels === '' ? '' : `{${labels}}`} ${number(this.value)}\n`;
  }
}

/** A histogram: how many values were at most each bound, and their sum. */
export class Histogram implements Value {
  /** Ascending. */
  readonly #bounds: readonly number[];
  /** Between the bounds, then above the last. */
  readonly #counts: Float64Array;
  #sum = 0;

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = new Float64Array(bounds.length + 1);
  }

  observe(value: number): void {
    const bounds = this.#bounds;
    let at = 0;
    while (at < bounds.length && value > (bounds[at] ?? 0)) at += 1;
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
    this.#sum += value;
  }

  text(name: string, labels: string): string {
    const prefix = `${name}_bucket{${labels}${labels === '' ? '' : ','}le="`;
    let text = '';
    let total = 0;
    for (const [at, bound] of this.#bounds.entries()) {
      total += this.#counts[at] ?? 0;
      text += `${prefix}${number(bound)}"} ${number(total)}\n`;
    }
    total += this.#counts[this.#bounds.length] ?? 0;
    const braces = labels === '' ? '' : `{${labels}}`;
    return `${text}${prefix}+Inf"} ${number(total)}\n${name}_sum${braces} ${number(this.#sum)}\n${name}_count${braces} ${number(total)}\n`;
  }
}

export class Family<V extends Value> {
  readonly options: FamilyOptions;
  readonly #create: () => V;
  /** By the text between the braces. */
  readonly #values = new Map<string, V>();

  constructor(options: FamilyOptions, create: () => V) {
    this.options = options;
    this.#create = create;
    if ((options.labels ?? []).length === 0) this.of();
  }

  /**
   * The value with these labels, in the order of the label names. Keep the result to avoid repeated
   * lookups.
   */
  of(...labels: readonly string[]): V {
    const { labels: names = [], maxValues = defaultMaxValues } = this.options;
    let key = keyOf(names, labels);
    let value = this.#values.get(key);
    if (value === undefined && this.#values.size >= maxValues) {
      key = keyOf(names, Array<string>(names.length).fill('other'));
      value = this.#values.get(key);
    }
    if (value === undefined) {
      value = this.#create();
      this.#values.set(key, value);
    }
    return value;
  }

  /** For values that are measured on each scrape and whose label sets change. */
  clear(): void {
    this.#values.clear();
  }

  text(): string {
    const { name, help, type } = this.options;
    let text = `# HELP ${name} ${escape(help)}\n# TYPE ${name} ${type}\n`;
    for (const [labels, value] of this.#values) text += value.text(name, labels);
    return text;
  }
}

/** The options of a metric of the gateway, without the prefix of its name. */
export type OwnOptions = Omit<FamilyOptions, 'type'>;

export type HistogramOptions = OwnOptions & { readonly bounds: readonly number[] };

export function counter(own: OwnOptions): Family<CounterOrGauge> {
  return new Family({ ...ours(own), type: 'counter' }, () => new CounterOrGauge());
}

export function gauge(own: OwnOptions): Family<CounterOrGauge> {
  return new Family({ ...ours(own), type: 'gauge' }, () => new CounterOrGauge());
}

export function histogram({ bounds, ...own }: HistogramOptions): Family<Histogram> {
  return new Family({ ...ours(own), type: 'histogram' }, () => new Histogram(bounds));
}

function ours(own: OwnOptions): OwnOptions {
  return { ...own, name: `portal_gateway_${own.name}` };
}

function keyOf(names: readonly string[], labels: readonly string[]): string {
  return names.map((name, at) => `${name}="${escape(labels[at] ?? '').replaceAll('"', '\\"')}"`).join(',');
}

function escape(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

/** In the format that Go parses. */
function number(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
}
