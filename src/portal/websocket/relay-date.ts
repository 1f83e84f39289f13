// The time in the Date header of a relay's HTTP server (RFC 9110 §6.6.1). Reads one response head
// and no content.
import type { IncomingHttpHeaders, RequestOptions } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { Clock } from '../../kernel/clock.ts';
import { serverNameOf } from '../../kernel/net/ip.ts';
import { parseRelayUrl } from './relay-url.ts';
import { request as requestHttp } from '../../kernel/net/node-http.ts';

/** All times except `dateMs` are monotonic. */
export interface DateSample {
  /** Milliseconds since 1970, in whole seconds. */
  readonly dateMs: number;
  readonly sentAtMs: number;
  readonly receivedAtMs: number;
}

export interface DateReceiver {
  /** The clock of the samples. */
  monotonicMs(): number;
  take(sample: DateSample): void;
}

export interface RelayDateOptions {
  readonly clock: Pick<Clock, 'monotonicMs'>;
  /** PEM certificates to trust instead of the system's. */
  readonly ca?: string | undefined;
  readonly signal: AbortSignal;
}

const timeoutMs = 3_000;
const maxHeadBytes = 16_384;
/** IMF-fixdate (RFC 9110 §5.6.7), the only form that senders may use. */
const imfFixdate = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/** Returns undefined if the response has no usable Date. */
export function dateSample(
  headers: IncomingHttpHeaders,
  sentAtMs: number,
  receivedAtMs: number,
): DateSample | undefined {
  const { date = '', age = '0' } = headers;
  const dateMs = imfFixdate.test(date) ? Date.parse(date) : Number.NaN;
  // For a response from a cache, Date is Age seconds old (RFC 9111 §5.1).
  const ageMs = /^\d{1,6}$/.test(age) ? Number(age) * 1_000 : Number.NaN;
  return Number.isNaN(dateMs + ageMs) ? undefined : { dateMs: dateMs + ageMs, sentAtMs, receivedAtMs };
}

/**
 * Sends HEAD to the relay's path: other relays answer 405 with a Date and without rendering a page.
 * The status is ignored. Resolves with undefined if no response with a Date arrives within 3 s.
 * Never rejects.
 */
export function requestDate(url: string, { ca, clock, signal }: RelayDateOptions): Promise<DateSample | undefined> {
  const { secure, host, port, url: parsed } = parseRelayUrl(url);
  const options: RequestOptions & { readonly servername?: string; readonly ca?: string } = {
    method: 'HEAD',
    host,
    port,
    path: parsed.pathname + parsed.search,
    headers: { 'cache-control': 'no-cache', connection: 'close' },
    agent: false,
    maxHeaderSize: maxHeadBytes,
    signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    ...(secure && { servername: serverNameOf(host) }),
    ...(ca !== undefined && { ca }),
  };
  return new Promise((resolve) => {
    let sentAtMs = clock.monotonicMs();
    const request = (secure ? requestHttps : requestHttp)(options, (response) => {
      resolve(dateSample(response.headers, sentAtMs, clock.monotonicMs()));
      request.destroy();
    });
    request.once('finish', () => (sentAtMs = clock.monotonicMs()));
    request.on('error', () => {
      resolve(undefined);
    });
    // Closed without an error: a response that switches protocols.
    request.once('close', () => {
      resolve(undefined);
    });
    request.end();
  });
}
