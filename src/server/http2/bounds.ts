// Limits of one HTTP/2 connection: the SETTINGS for the client, the limits that Node's session
// enforces, and counters for the rest. Memory use does not grow with the number of frames that a
// client sends.
import type { ServerSessionOptions } from 'node:http2';
import type { Clock } from '../../kernel/clock.ts';

/** A token bucket: so many at once, and so many a second in the long run. */
export interface Rate {
  readonly burst: number;
  readonly perSecond: number;
}

/**
 * Maximum number of requests of one connection served at once, as in most servers. Further ones are
 * rejected with REFUSED_STREAM, after which a client may retry them (RFC 9113 §8.7).
 */
export const maxServedStreams = 100;
/**
 * SETTINGS_MAX_CONCURRENT_STREAMS. nghttp2 ends the whole connection at the first stream beyond it,
 * so the value leaves room for rejected streams.
 */
const maxAnnouncedStreams = 128;
/**
 * How much a client may have in flight unread over all its streams; each stream has HTTP/2's
 * default window, 64 KiB. The value that Envoy recommends at an edge. Uploads to apps that do not
 * read cost at most 100 times 64 KiB.
 */
export const connectionWindowBytes: number = 1024 * 1024;
/**
 * Node counts the name, the value and 32 bytes for each field; twice the limit leaves room for a
 * 431 response instead of a reset.
 */
const headerListFactor = 2;
/** Twice the number of fields from which on a request is rejected with 431. */
const maxHeaderFields = 400;
/**
 * HTTP/2's own limit for a response head is 64 KiB compressed, which is how much apps may send.
 * nghttp2's estimate is higher than the actual size.
 */
const maxResponseHeadBytes = 256 * 1024;

/** RST_STREAM frames of any kind: early responses make honest clients send one for each upload. */
const resetFrameRate: Rate = { burst: 20_000, perSecond: 10_000 };
/** The largest value that Node's binding accepts. */
const uncounted = 2 ** 32 - 1;

export function sessionOptions(maxHeaderBytes: number): ServerSessionOptions {
  return {
    settings: {
      enableConnectProtocol: true,
      maxConcurrentStreams: maxAnnouncedStreams,
      maxHeaderListSize: headerListFactor * maxHeaderBytes,
    },
    maxHeaderListPairs: maxHeaderFields,
    maxSendHeaderBlockLength: maxResponseHeadBytes,
    // Fields that an app sends twice are forwarded twice, as over HTTP/1.1.
    strictSingleValueFields: false,
    // Values with surrounding whitespace reach JavaScript, which rejects the request; otherwise
    // nghttp2 silently drops the field.
    strictFieldWhitespaceValidation: false,
    // Node counts these over the whole life of a connection, so a long-lived honest one would reach
    // any limit. nghttp2 itself limits the rate of frames that break a rule (10,000 at once, 330 a
    // second); streams beyond the announced number end the connection.
    maxSessionInvalidFrames: uncounted,
    maxSessionRejectedStreams: uncounted,
    // Counts every RST_STREAM, including those after a complete response, which are no abuse.
    // abandonedRate counts the others.
    streamResetBurst: resetFrameRate.burst,
    streamResetRate: resetFrameRate.perSecond,
  };
}

/**
 * Streams that the client reset or broke before their response was complete. Opening them again and
 * again costs the gateway much and the client nothing (CVE-2023-44487, rapid reset). A browser that
 * leaves a page resets about a hundred at once, as often as the user clicks.
 */
export const abandonedRate: Rate = { burst: 200, perSecond: 20 };
/**
 * Streams beyond maxServedStreams. A client that keeps the announced number of streams open causes
 * one with each response.
 */
export const refusedRate: Rate = { burst: 2_000, perSecond: 500 };
/**
 * PING, SETTINGS and GOAWAY: each costs at most one frame in return. Clients that measure a path
 * send a PING each round trip, and Go's client sends one with each RST_STREAM.
 */
export const controlFrameRate: Rate = { burst: 2_000, perSecond: 1_000 };

/**
 * DATA frames with less than `smallDataBytes`. Each costs the event loop microseconds and up to 200
 * bytes of memory, however little it carries, and flow control counts only the payload: a window of
 * 64 KiB admits 65,536 of them.
 */
export const smallDataRate: Rate = { burst: 10_000, perSecond: 10_000 };
export const smallDataBytes = 128;

export class RateBound {
  readonly #rate: Rate;
  readonly #clock: Clock;
  #left: number;
  #atMs: number;

  constructor(rate: Rate, clock: Clock) {
    this.#rate = rate;
    this.#clock = clock;
    this.#left = rate.burst;
    this.#atMs = clock.monotonicMs();
  }

  /** Returns false if the limit is exceeded. */
  spend(): boolean {
    const nowMs = this.#clock.monotonicMs();
    const { burst, perSecond } = this.#rate;
    this.#left = Math.min(burst, this.#left + ((nowMs - this.#atMs) / 1000) * perSecond) - 1;
    this.#atMs = nowMs;
    return this.#left >= 0;
  }
}
