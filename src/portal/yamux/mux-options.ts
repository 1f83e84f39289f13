// Owns what may be set on a session, the defaults with their source, and the refusal of what makes no sense.
import { systemClock, type Clock } from '../../kernel/clock.ts';
import { initialWindowBytes, maxWindowBytes } from './frame.ts';
import type { KeepaliveOptions } from './keepalive.ts';
import { WindowBudget } from './window-budget.ts';

export interface MuxOptions {
  /** The websocket client is the yamux client: odd stream ids. */
  readonly role: 'client' | 'server';
  /** What we grant the peer on each stream: 262144 (the protocol's least) to 16 MiB. */
  readonly receiveWindowBytes?: number;
  /** How far the window of a stream may grow whose bandwidth-delay product needs it, at most 16 MiB. Default: not at all. */
  readonly maxReceiveWindowBytes?: number;
  /** How far it grows where it is only read fast. Default 4 MiB. */
  readonly nearWindowBytes?: number;
  /** What windows may grow by, of all sessions that are given the same budget. Default: 256 MiB for this session. */
  readonly windowBudget?: WindowBudget;
  /** The holder whose part of the budget the streams use. Sessions of one holder share a part. Default: a part for this session. */
  readonly windowHolder?: string | undefined;
  /** Streams of the peer that may wait for a handler; more get RST. Default 256, as in Go. */
  readonly acceptBacklog?: number;
  /** Our streams that may wait for their ACK; more opens wait here. Default 256: the peer's backlog. */
  readonly maxUnackedOpens?: number;
  /** Streams of the peer that may be open at once; more get RST. Default 16384. */
  readonly maxInboundStreams?: number;
  /** Default: a ping every 30 s, an answer within 10 s, as in Go. */
  readonly keepalive?: KeepaliveOptions | false;
  /** A SYN unanswered for so long ends the session. Default 75 s, as in Go. */
  readonly streamOpenTimeoutMs?: number;
  /** So long after our end, with nothing moving and no end from the peer, a stream is reset. Default 300 s, as in Go. */
  readonly streamCloseTimeoutMs?: number;
  /** tolerant: towards a relay, which may do what Go lets it do. strict: towards the clients of our own relay. */
  readonly tolerance: 'tolerant' | 'strict';
  readonly clock?: Clock;
}

const defaultPingTimeoutMs = 10_000;
const defaultWindowBudgetBytes = 268_435_456;
/**
 * 4 MiB keep a download going while a process on a busy machine waits for the CPU: at least 8 % faster than 1 MiB through a relay
 * on the same machine, at a tenth less CPU (bench/README.md, receive windows).
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
