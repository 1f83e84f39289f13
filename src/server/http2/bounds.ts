// Owns the bounds of one HTTP/2 connection: what the client is told (SETTINGS), what Node's session refuses by itself, and what is
// counted here because it does not. None of it grows with what a client sends.
import type { ServerSessionOptions } from 'node:http2';
import type { Clock } from '../../kernel/clock.ts';

/** So many at once, and so many a second in the long run. */
export interface Rate {
  readonly burst: number;
  readonly perSecond: number;
}

/**
 * Requests of one connection that are served at once, as most servers allow. The rest is refused with REFUSED_STREAM, after which a
 * client may send it again (RFC 9113 §8.7).
 */
export const maxServedStreams = 100;
/** SETTINGS_MAX_CONCURRENT_STREAMS. nghttp2 ends the whole connection at the first stream beyond it, so it leaves room for refusals. */
const maxAnnouncedStreams = 128;
/**
 * What a client may have under way unread: for all its streams, and (HTTP/2's default, 64 KiB) for each. As Envoy advises at an edge:
 * uploads to apps that do not read cost 100 times 64 KiB at most.
 */
export const connectionWindowBytes: number = 1024 * 1024;
/** Node counts name, value and 32 bytes for each field; twice the bound leaves room for an answer (431) instead of a reset. */
const headerListFactor = 2;
/** As many fields again as are answered 431. */
const maxHeaderFields = 400;
/** HTTP/2's own bound for an answer's head, compressed, is 64 KiB: as much as apps may send. Its estimate is higher than the truth. */
const maxResponseHeadBytes = 256 * 1024;

/** RST_STREAM of any kind: early responses make honest clients send one for each upload. */
const resetFrameRate: Rate = { burst: 20_000, perSecond: 10_000 };
/** The largest that Node's binding takes. */
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
    // What an app sends twice is sent twice, as over HTTP/1.1.
    strictSingleValueFields: false,
    // Values with whitespace around them reach JavaScript, which refuses the request; otherwise nghttp2 drops the field silently.
    strictFieldWhitespaceValidation: false,
    // Node counts these over the whole life of a connection, so an honest one that lives long would reach any bound. nghttp2 counts
    // frames that break a rule by rate itself (10,000 and 330 a second); streams beyond the announced number end the connection.
    maxSessionInvalidFrames: uncounted,
    maxSessionRejectedStreams: uncounted,
    // Counts every RST_STREAM, also behind a complete response, where it is no abuse. abandonedRate counts the others.
    streamResetBurst: resetFrameRate.burst,
    streamResetRate: resetFrameRate.perSecond,
  };
}

/**
 * Streams that the client reset, or broke, before their response was complete: opened again and again they cost the gateway much and
 * the client nothing (CVE-2023-44487, rapid reset). A browser that leaves a page resets a hundred at once, as often as people click.
 */
export const abandonedRate: Rate = { burst: 200, perSecond: 20 };
/** Streams beyond maxServedStreams. A client that opens as many as were announced does so once for each response. */
export const refusedRate: Rate = { burst: 2_000, perSecond: 500 };
/**
 * PING, SETTINGS and GOAWAY: each costs a frame in return, or none. Clients that measure a path send a PING each round trip, and Go's
 * sends one with each RST_STREAM.
 */
export const controlFrameRate: Rate = { burst: 2_000, perSecond: 1_000 };

/**
 * DATA frames with less than `smallDataBytes`. Each costs the event loop microseconds and up to 200 bytes of memory, however little it
 * carries, and flow control counts the payload alone: a window of 64 KiB admits 65,536 of them.
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

  /** False: it was one too many. */
  spend(): boolean {
    const nowMs = this.#clock.monotonicMs();
    const { burst, perSecond } = this.#rate;
    this.#left = Math.min(burst, this.#left + ((nowMs - this.#atMs) / 1000) * perSecond) - 1;
    this.#atMs = nowMs;
    return this.#left >= 0;
  }
}
