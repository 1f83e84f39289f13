// Owns the bounds of one HTTP/2 connection: what the client is told (SETTINGS), what Node's session refuses by itself, and what is
// counted here because it does not. None of it grows with what a client sends.
import type { ServerSessionOptions } from 'node:http2';
import type { Clock } from '../kernel/clock.ts';

/** Streams open at once, as most servers allow. More are refused by nghttp2. */
const maxConcurrentStreams = 100;
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
const maxAnswerHeadBytes = 256 * 1024;

export function sessionOptions(maxHeaderBytes: number): ServerSessionOptions {
  return {
    settings: {
      enableConnectProtocol: true,
      maxConcurrentStreams,
      maxHeaderListSize: headerListFactor * maxHeaderBytes,
    },
    maxHeaderListPairs: maxHeaderFields,
    maxSendHeaderBlockLength: maxAnswerHeadBytes,
    // What an app sends twice is sent twice, as over HTTP/1.1.
    strictSingleValueFields: false,
    // Frames that break a rule, and streams beyond the bound: a client that goes on like that is no client.
    maxSessionInvalidFrames: 100,
    maxSessionRejectedStreams: 100,
  };
}

/** So many at once, and so many a second in the long run. */
export interface Rate {
  readonly burst: number;
  readonly perSecond: number;
}

/**
 * Requests that are given up before their answer was complete: begun again and again they cost the gateway and the client nothing
 * (CVE-2023-44487, rapid reset). A browser that leaves a page gives up a hundred at once, and does so as often as people click.
 */
export const abandonedRate: Rate = { burst: 200, perSecond: 20 };
/** PING, SETTINGS and GOAWAY: each is answered or noted, none is needed often. Clients that measure a path ping once a round trip. */
export const controlFrameRate: Rate = { burst: 1000, perSecond: 200 };

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
