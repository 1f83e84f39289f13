// Parses the Prometheus text format 0.0.4 strictly, as a scraper would; throws on any deviation.

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface ParsedFamily {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly samples: readonly Sample[];
}

const nameForm = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const sampleForm = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/s;
const labelForm = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(,|$)/y;

export function parseExposition(text: string): Map<string, ParsedFamily> {
  if (!text.endsWith('\n')) throw new Error('the last line has no end');
  const families = new Map<string, ParsedFamily & { samples: Sample[] }>();
  let family: (ParsedFamily & { samples: Sample[] }) | undefined;
  let help: { name: string; text: string } | undefined;
  for (const line of text.slice(0, -1).split('\n')) {
    if (line.startsWith('# HELP ')) {
      const [, name = '', words = ''] = /^# HELP (\S+) (.+)$/.exec(line) ?? [];
      help = { name, text: words };
    } else if (line.startsWith('# TYPE ')) {
      const [, name = '', type = ''] = /^# TYPE (\S+) (counter|gauge|histogram)$/.exec(line) ?? [];
      if (!nameForm.test(name) || help?.name !== name) throw new Error(`not a family: ${line}`);
      if (families.has(name)) throw new Error(`twice: ${name}`);
      family = { name, type, help: help.text, samples: [] };
      families.set(name, family);
    } else {
      const sample = parseSample(line);
      if (family === undefined || !belongs(sample.name, family)) throw new Error(`a stray sample: ${line}`);
      family.samples.push(sample);
    }
  }
  for (const each of families.values()) check(each);
  return families;
}

/** The value of the only sample with these labels. */
export function valueOf(
  families: ReadonlyMap<string, ParsedFamily>,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | undefined {
  const base = name.replace(/_(bucket|sum|count)$/, '');
  const family = families.get(name) ?? families.get(base);
  const found = (family?.samples ?? []).filter(
    (sample) =>
      sample.name === name && Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
  );
  if (found.length > 1) throw new Error(`${found.length} samples of ${name} ${JSON.stringify(labels)}`);
  return found[0]?.value;
}

function parseSample(line: string): Sample {
  const [, name = '', inBraces, value = ''] = sampleForm.exec(line) ?? [];
  if (name === '') throw new Error(`not a sample: ${line}`);
  return { name, labels: inBraces === undefined ? {} : parseLabels(inBraces, line), value: parseNumber(value, line) };
}

function parseLabels(text: string, line: string): Record<string, string> {
  const labels: Record<string, string> = {};
  labelForm.lastIndex = 0;
  for (let at = 0; at < text.length; at = labelForm.lastIndex) {
    const [, name = '', value = '', end] = labelForm.exec(text) ?? [];
    if (name === '' || Object.hasOwn(labels, name)) throw new Error(`not labels: ${line}`);
    if (end === ',' && labelForm.lastIndex === text.length) throw new Error(`a comma too many: ${line}`);
    labels[name] = value.replaceAll(/\\([\\"n])/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped));
  }
  return labels;
}

function parseNumber(text: string, line: string): number {
  if (text === '+Inf') return Infinity;
  if (text === '-Inf') return -Infinity;
  if (text === 'NaN') return NaN;
  if (!/^-?\d+(\.\d+)?(e[+-]\d+)?$/.test(text)) throw new Error(`not a number: ${line}`);
  return Number(text);
}

function belongs(name: string, { name: family, type }: ParsedFamily): boolean {
  return type === 'histogram' ? ['_bucket', '_sum', '_count'].some((part) => name === family + part) : name === family;
}

/** Throws on a duplicate label set, or on buckets that decrease or do not end with the total. */
function check({ name, type, samples }: ParsedFamily): void {
  const seen = new Set<string>();
  for (const sample of samples) {
    const key = JSON.stringify([sample.name, Object.entries(sample.labels).sort()]);
    if (seen.has(key)) throw new Error(`twice: ${key}`);
    seen.add(key);
    if (type === 'counter' && !(sample.value >= 0)) throw new Error(`a counter of ${sample.value}: ${key}`);
  }
  if (type === 'counter' && !name.endsWith('_total')) throw new Error(`a counter without the suffix _total: ${name}`);
  if (type === 'histogram') for (const buckets of histograms(samples).values()) checkBuckets(name, buckets);
}

interface Histogram {
  readonly bounds: number[];
  readonly counts: number[];
  count?: number;
  sum?: number;
}

function histograms(samples: readonly Sample[]): Map<string, Histogram> {
  const found = new Map<string, Histogram>();
  for (const { name, labels, value } of samples) {
    const { le, ...rest } = labels;
    const key = JSON.stringify(Object.entries(rest).sort());
    const histogram = found.get(key) ?? { bounds: [], counts: [] };
    found.set(key, histogram);
    if (name.endsWith('_bucket')) {
      histogram.bounds.push(parseNumber(le ?? '', name));
      histogram.counts.push(value);
    } else if (name.endsWith('_sum')) histogram.sum = value;
    else histogram.count = value;
  }
  return found;
}

function checkBuckets(name: string, { bounds, counts, count, sum }: Histogram): void {
  const ascending = (values: readonly number[], strictly: boolean): boolean =>
    values.every((value, i) => i === 0 || value > (values[i - 1] ?? 0) || (!strictly && value === values[i - 1]));
  if (!ascending(bounds, true) || !ascending(counts, false)) throw new Error(`buckets that shrink: ${name}`);
  if (bounds.at(-1) !== Infinity || counts.at(-1) !== count || sum === undefined)
    throw new Error(`an incomplete histogram: ${name}`);
}
