// The options of a session: their defaults and validation.
import { systemClock, type Clock } from '../../kernel/clock.ts';
import { initialWindowBytes, maxWindowBytes } from './frame.ts';
import type { KeepaliveOptions } from './keepalive.ts';
import { WindowBudget } from './window-budget.ts';

export interface MuxOptions {
  /** The websocket client is the yamux client and uses odd stream ids. */
  readonly role: 'client' | 'server';
  /** Receive window of each stream: 262144 (the protocol's minimum) to 16 MiB. */
  readonly receiveWindowBytes?: number;
  /**
   * Maximum window of a stream whose bandwidth-delay product needs it, up to 16 MiB. Default:
   * windows do not grow.
   */
  readonly maxReceiveWindowBytes?: number;
  /** Maximum window of a stream that is merely read fast. Default 4 MiB. */
  readonly nearWindowBytes?: number;
  /**
   * Budget for the growth of windows; sessions may share one. Default: 256 MiB for this session.
   */
  readonly windowBudget?: WindowBudget;
  /**
   * The holder whose share of the budget the streams use. Sessions of one holder have one share.
   * Default: a share for this session.
   */
  readonly windowHolder?: string | undefined;
  /**
   * Streams opened by the peer that may wait for a handler; further ones get RST. Default 256, as
   * in Go.
   */
  readonly acceptBacklog?: number;
  /**
   * Our streams that may wait for their ACK; further opens are queued. Default 256: the peer's
   * backlog.
   */
  readonly maxUnackedOpens?: number;
  /** Concurrent streams opened by the peer; further ones get RST. Default 16384. */
  readonly maxInboundStreams?: number;
  /** Default: a ping every 30 s with a timeout of 10 s, as in Go. */
  readonly keepalive?: KeepaliveOptions | false;
  /** Time to acknowledge a SYN before the session ends. Default 75 s, as in Go. */
  readonly streamOpenTimeoutMs?: number;
  /**
   * A stream is reset this long after our end if no bytes move and the peer does not end. Default
   * 300 s, as in Go.
   */
  readonly streamCloseTimeoutMs?: number;
  /**
   * tolerant: for relays, which may deviate as Go permits. strict: for the clients of our own
   * relay.
   */
  readonly tolerance: 'tolerant' | 'strict';
  readonly clock?: Clock;
}

const defaultPingTimeoutMs = 10_000;
const defaultWindowBudgetBytes = 268_435_456;
/**
 * 4 MiB keep a download going while a process on a busy machine waits for the CPU: at least 8 %
 * faster than 1 MiB through a relay on the same machine, with a tenth less CPU (bench/README.md,
 * receive windows).
 */
const defaultNearWindowBytes = 4_194_304;

const defaultMuxOptions = {
  receiveWindowBytes: initialWindowBytes,
  acceptBacklog: 256,
  maxUnackedOpens: 256,
  maxInboundStreams: 16_384,
  keepalive: { intervalMs: 30_000, timeoutMs: defaultPingTimeoutMs },
  streamOpenTimeoutMs: 75_000,
  streamCloseTimeoutMs: 300_000,
  clock: systemClock,
} as const;

export interface CompleteMuxOptions extends Required<Omit<MuxOptions, 'keepalive'>> {
  readonly keepalive: KeepaliveOptions;
}

export function completeMuxOptions(options: MuxOptions): CompleteMuxOptions {
  const complete = {
    ...defaultMuxOptions,
    maxReceiveWindowBytes: options.receiveWindowBytes ?? defaultMuxOptions.receiveWindowBytes,
    nearWindowBytes: defaultNearWindowBytes,
    windowBudget: options.windowBudget ?? new WindowBudget(defaultWindowBudgetBytes),
    windowHolder: undefined,
    ...options,
    keepalive:
      options.keepalive === false
        ? { intervalMs: Infinity, timeoutMs: defaultPingTimeoutMs }
        : (options.keepalive ?? defaultMuxOptions.keepalive),
  };
  const { receiveWindowBytes, maxReceiveWindowBytes } = complete;
  if (
    !Number.isInteger(receiveWindowBytes) ||
    receiveWindowBytes < initialWindowBytes ||
    receiveWindowBytes > maxWindowBytes
  )
    throw new RangeError(
      `receiveWindowBytes must be an integer from ${initialWindowBytes} to ${maxWindowBytes}, not ${receiveWindowBytes}`,
    );
  if (
    !Number.isInteger(maxReceiveWindowBytes) ||
    maxReceiveWindowBytes < receiveWindowBytes ||
    maxReceiveWindowBytes > maxWindowBytes
  )
    throw new RangeError(
      `maxReceiveWindowBytes must be an integer from receiveWindowBytes to ${maxWindowBytes}, not ${maxReceiveWindowBytes}`,
    );
  for (const name of ['acceptBacklog', 'maxUnackedOpens', 'maxInboundStreams'] as const)
    if (!Number.isInteger(complete[name]) || complete[name] < 1)
      throw new RangeError(`${name} must be a positive integer, not ${complete[name]}`);
  return complete;
}
