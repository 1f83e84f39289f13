// Metrics of requests: counts, durations and sizes. Bounds the number of label values, whatever
// clients send.
import {
  requestFinished,
  requestRefused,
  requestStarted,
  streamOpened,
  type RequestFinished,
  type RequestRefused,
  type RequestStarted,
} from '../../kernel/events.ts';
import type { CounterOrGauge, Family, Histogram } from './family.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { LeaseLabels } from './lease-labels.ts';
import type { Metric } from './registry.ts';
import { STATUS_CODES } from '../../kernel/net/node-http.ts';

/** 1 ms to 10 s. */
const durationBounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const sizeBounds = [256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 16_777_216, 268_435_456, 4_294_967_296];
/** A histogram has 16 lines for each label set: 500 leases with four methods each still fit. */
const maxDurations = 2_000;
/**
 * Label sets that are cached for fast lookup; others take a microsecond longer each time, and no
 * memory.
 */
const maxCached = 20_000;

/** Methods with a label of their own: RFC 9110 §9.3, and PATCH. */
const methods: ReadonlySet<string> = new Set('GET HEAD POST PUT DELETE CONNECT OPTIONS TRACE PATCH'.split(' '));
/**
 * Statuses with a label of their own. Apps may send any number: others are labelled by their class.
 */
const statuses: ReadonlySet<number> = new Set([...Object.keys(STATUS_CODES).map(Number), 499]);

export const requestMetrics: readonly Metric[] = [
  (metrics) => {
    const series = new RequestSeries({
      leases: metrics.leases,
      requests: metrics.counter({
        name: 'requests_total',
        help: 'Finished requests.',
        labels: ['method', 'path', 'status', 'lease_id', 'tenant'],
      }),
      durations: metrics.histogram({
        name: 'request_duration_seconds',
        help: 'Time from the head of a request to the end of its response; for a stream, to the head of its response.',
        labels: ['method', 'path', 'lease_id'],
        maxValues: maxDurations,
        bounds: durationBounds,
      }),
    });
    metrics.on(requestFinished, (event) => {
      series.finished(event);
    });
    metrics.on(requestRefused, (event) => {
      series.refused(event);
    });
  },
  (metrics) => {
    const upstream = metrics
      .histogram({
        name: 'upstream_duration_seconds',
        help: 'Time from the choice of a relay to the response head of the app, including a dial.',
        bounds: durationBounds,
      })
      .of();
    metrics.on(requestFinished, ({ upstreamMs }) => {
      if (upstreamMs !== undefined) upstream.observe(upstreamMs / 1000);
    });
  },
  (metrics) => {
    const sizes = metrics
      .histogram({
        name: 'request_size_bytes',
        help: 'Size of request bodies; for an upgrade, the bytes from the client.',
        bounds: sizeBounds,
      })
      .of();
    metrics.on(requestFinished, ({ bytesReceived }) => {
      sizes.observe(bytesReceived);
    });
  },
  (metrics) => {
    const sizes = metrics
      .histogram({
        name: 'response_size_bytes',
        help: 'Size of response bodies from apps; for an upgrade, the bytes to the client.',
        bounds: sizeBounds,
      })
      .of();
    metrics.on(requestFinished, ({ bytesSent }) => {
      if (bytesSent !== undefined) sizes.observe(bytesSent);
    });
  },
  (metrics) => {
    const errors = metrics.counter({
      name: 'errors_total',
      help: 'Requests that got an error response from the gateway, or whose response was cut short, by error code.',
      labels: ['type', 'lease_id'],
    });
    metrics.on(requestFinished, ({ error, leaseId }) => {
      if (error !== undefined) errors.of(error.code, metrics.leases.labelOf(leaseId)).value += 1;
    });
    metrics.on(requestRefused, ({ error }) => {
      errors.of(error.code, metrics.leases.labelOf(undefined)).value += 1;
    });
  },
  (metrics) => {
    const rejections = metrics
      .counter({
        name: 'quota_rejections_total',
        help: 'Requests rejected because a quota of their key was exhausted.',
      })
      .of();
    metrics.on(requestFinished, ({ error }) => {
      if (error?.code === 'quota_exceeded') rejections.value += 1;
    });
  },
  (metrics) => {
    const active = metrics
      .gauge({
        name: 'active_requests',
        help: 'Requests in flight. A stream is no longer counted once its response begins.',
      })
      .of();
    const counts = startedFromNowOn(metrics.clock);
    metrics.on(requestStarted, (event) => {
      if (counts(event)) active.value += 1;
    });
    metrics.on(streamOpened, (event) => {
      if (counts(event)) active.value -= 1;
    });
    metrics.on(requestFinished, (event) => {
      if (event.stream === undefined && counts(event)) active.value -= 1;
    });
  },
  (metrics) => {
    const streams = metrics.gauge({
      name: 'active_streams',
      help: 'Open event streams and upgraded connections.',
      labels: ['kind'],
    });
    const byKind = { sse: streams.of('sse'), websocket: streams.of('websocket'), upgrade: streams.of('upgrade') };
    const counts = startedFromNowOn(metrics.clock);
    metrics.on(streamOpened, (event) => {
      if (counts(event)) byKind[event.kind].value += 1;
    });
    metrics.on(requestFinished, (event) => {
      if (event.stream !== undefined && counts(event)) byKind[event.stream].value -= 1;
    });
  },
];

/**
 * Excludes requests that began before counting started, so that their end does not decrement the
 * gauge.
 */
function startedFromNowOn(clock: Clock): (event: RequestStarted) => boolean {
  const sinceMs = clock.monotonicMs();
  return ({ startedMs }) => startedMs >= sinceMs;
}

/** The metrics of one method, route and lease. */
interface Series {
  readonly duration: Histogram;
  /** By status, or by its class. */
  readonly byStatus: Map<number, CounterOrGauge>;
}

interface RequestSeriesParts {
  readonly leases: LeaseLabels;
  readonly requests: Family<CounterOrGauge>;
  readonly durations: Family<Histogram>;
}

/** Counts finished requests, and caches their label sets, because every request looks one up. */
class RequestSeries {
  readonly #leases: LeaseLabels;
  readonly #requests: Family<CounterOrGauge>;
  readonly #durations: Family<Histogram>;
  /** Lease label -> route -> method. */
  readonly #series = new Map<string, Map<string, Map<string, Series>>>();
  #cached = 0;

  constructor({ leases, requests, durations }: RequestSeriesParts) {
    this.#leases = leases;
    this.#requests = requests;
    this.#durations = durations;
  }

  finished(event: RequestFinished): void {
    const { stream, route } = event;
    const lease = this.#leases.labelOf(event.leaseId);
    const method = methodLabel(event.method);
    const series = this.#seriesOf(method, route, lease);
    this.#count(series, event.status, method, route, lease);
    const durationMs = stream === undefined ? event.durationMs : (event.headMs ?? event.durationMs);
    series.duration.observe(durationMs / 1000);
  }

  /** Rejected at once, so no duration is recorded. */
  refused(event: RequestRefused): void {
    const lease = this.#leases.labelOf(undefined);
    const method = methodLabel(event.method ?? '');
    this.#count(this.#seriesOf(method, 'other', lease), event.error.status, method, 'other', lease);
  }

  #seriesOf(method: string, route: string, lease: string): Series {
    const byMethod = inner(inner(this.#series, lease), route);
    let series = byMethod.get(method);
    if (series === undefined) {
      series = { duration: this.#durations.of(method, route, lease), byStatus: new Map() };
      if (this.#mayCache()) byMethod.set(method, series);
    }
    return series;
  }

  #count({ byStatus }: Series, status: number, method: string, route: string, lease: string): void {
    const known = statuses.has(status);
    const key = known ? status : Math.floor(status / 100);
    let count = byStatus.get(key);
    if (count === undefined) {
      count = this.#requests.of(method, route, known ? String(key) : `${key}xx`, lease, '');
      if (this.#mayCache()) byStatus.set(key, count);
    }
    count.value += 1;
  }

  #mayCache(): boolean {
    if (this.#cached >= maxCached) return false;
    this.#cached += 1;
    return true;
  }
}

function methodLabel(method: string): string {
  return methods.has(method) ? method : 'other';
}

function inner<K, V>(map: Map<string, Map<K, V>>, key: string): Map<K, V> {
  let value = map.get(key);
  if (value === undefined) {
    value = new Map();
    map.set(key, value);
  }
  return value;
}
