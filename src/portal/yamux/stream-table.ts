// The streams of a session: ids, the two backlogs, limits and the deadlines of opening and closing.
// Does not handle their bytes.
import { PortalError } from '../errors.ts';
import { DeadlineQueue } from './session-timer.ts';
import { maxUint32 } from './frame.ts';
import { InboundIds } from './inbound-ids.ts';
import type { CompleteMuxOptions } from './mux-options.ts';
import { MuxStream, type StreamHost } from './mux-stream.ts';
import { OpenSlots } from './open-slots.ts';
import type { Outbox } from './outbox.ts';
import type { Pipe } from './pipe.ts';
import { WindowGrowth } from './receive-window.ts';

/** The result of a SYN. */
type Admission =
  | { readonly kind: 'admitted'; readonly stream: MuxStream }
  | { readonly kind: 'refused' }
  | { readonly kind: 'breach'; readonly problem: string };

const refused: Admission = { kind: 'refused' };

export class StreamTable implements StreamHost {
  readonly outbox: Outbox;
  readonly windowGrowth: WindowGrowth;
  readonly #options: CompleteMuxOptions;
  /** Called when a deadline is set. */
  readonly #onDeadline: (dueAtMs: number) => void;
  readonly #streams = new Map<number, MuxStream>();
  readonly #slots: OpenSlots;
  readonly #unacknowledged: DeadlineQueue<MuxStream>;
  readonly #ending: DeadlineQueue<MuxStream>;
  /** Only a strict session tracks the peer's ids. */
  readonly #peerIds: InboundIds | undefined;
  readonly #ownParity: number;
  #nextId: number;
  /** The peer's streams without a handler. */
  #offered = 0;
  #inbound = 0;
  /** If set, no stream can be opened any more. */
  #openRefusal: PortalError | undefined;
  #admitting = true;

  constructor(options: CompleteMuxOptions, outbox: Outbox, onDeadline: (dueAtMs: number) => void) {
    this.outbox = outbox;
    this.windowGrowth = new WindowGrowth(options);
    this.#options = options;
    this.#onDeadline = onDeadline;
    this.#nextId = options.role === 'client' ? 1 : 2;
    this.#ownParity = this.#nextId % 2;
    if (options.tolerance === 'strict') this.#peerIds = new InboundIds(options.role === 'client' ? 'even' : 'odd');
    this.#unacknowledged = new DeadlineQueue(options.streamOpenTimeoutMs);
    this.#ending = new DeadlineQueue(options.streamCloseTimeoutMs);
    this.#slots = new OpenSlots(options.maxUnackedOpens, (windowHolder) => this.#open(windowHolder));
  }

  get size(): number {
    return this.#streams.size;
  }

  get(id: number): MuxStream | undefined {
    return this.#streams.get(id);
  }

  /** Whether a stream with this id can have existed; always true in a tolerant session. */
  mayHaveExisted(id: number): boolean {
    if (this.#peerIds === undefined) return true;
    return id % 2 === this.#ownParity ? id < this.#nextId : this.#peerIds.used(id);
  }

  /** Waits while too many streams are unacknowledged. */
  request(signal: AbortSignal | undefined, windowHolder: string | undefined): Promise<Pipe> {
    if (this.#openRefusal !== undefined) return Promise.reject(this.#openRefusal);
    return this.#slots.request(signal, windowHolder);
  }

  refuseOpens(error: PortalError): void {
    this.#openRefusal ??= error;
    this.#slots.rejectAll(error);
  }

  refuseInbound(): void {
    this.#admitting = false;
  }

  admit(id: number): Admission {
    if (this.#streams.has(id)) return { kind: 'breach', problem: `SYN for stream ${id}, which is already open` };
    const problem = this.#peerIds?.open(id);
    if (problem !== undefined) return { kind: 'breach', problem };
    const { acceptBacklog, maxInboundStreams } = this.#options;
    if (!this.#admitting || this.#offered >= acceptBacklog || this.#inbound >= maxInboundStreams) return refused;
    const stream = new MuxStream(id, this, 'peer');
    this.#streams.set(id, stream);
    this.#offered += 1;
    this.#inbound += 1;
    return { kind: 'admitted', stream };
  }

  // --- calls from the streams

  accepted(): void {
    this.#offered -= 1;
  }

  acknowledged(stream: MuxStream): void {
    this.#unacknowledged.delete(stream);
    this.#slots.free();
  }

  ending(stream: MuxStream): void {
    // As in Go: an end, ours or the peer's, stops the wait for the ACK, but the stream keeps its
    // open slot.
    this.#unacknowledged.delete(stream);
    this.#onDeadline(this.#ending.set(stream, this.#options.clock.monotonicMs()));
  }

  peerEnded(stream: MuxStream): void {
    this.#unacknowledged.delete(stream);
  }

  gone(stream: MuxStream): void {
    this.#streams.delete(stream.id);
    this.#unacknowledged.delete(stream);
    this.#ending.delete(stream);
    if (stream.openedBy === 'peer') this.#inbound -= 1;
    if (stream.opening === 'offered') this.#offered -= 1;
    if (stream.opening === 'waiting') this.#slots.free();
  }

  // --- time

  get nextMs(): number {
    return Math.min(this.#unacknowledged.nextMs, this.#ending.nextMs);
  }

  /**
   * Resets streams whose peer does not end them. Returns the error that must end the session, if
   * any.
   */
  tick(nowMs: number): PortalError | undefined {
    const { streamOpenTimeoutMs, streamCloseTimeoutMs } = this.#options;
    for (let stream = this.#ending.takeDue(nowMs); stream !== undefined; stream = this.#ending.takeDue(nowMs)) {
      // Go resets the stream even if bytes still flow. Here the timeout starts again at the last
      // byte, so that an active response is not cut.
      if (stream.takeMoved()) this.#ending.set(stream, nowMs);
      else
        stream.abandon(
          new PortalError('stream_aborted', `the peer did not end the stream within ${streamCloseTimeoutMs} ms`),
        );
    }
    if (this.#unacknowledged.takeDue(nowMs) === undefined) return undefined;
    return new PortalError('stream_open_timeout', `a stream was not acknowledged within ${streamOpenTimeoutMs} ms`);
  }

  /** The session has ended: notifies every stream and fails every waiting open. */
  close(error: PortalError): void {
    this.refuseInbound();
    this.refuseOpens(error);
    for (const stream of [...this.#streams.values()]) stream.fail(error);
  }

  #open(windowHolder: string | undefined): MuxStream {
    this.#throwIfRefused();
    // In tolerant mode the peer may have opened streams with our parity.
    while (this.#streams.has(this.#nextId)) this.#nextId += 2;
    if (this.#nextId > maxUint32) throw new PortalError('streams_exhausted', 'this session has no stream ids left');
    const stream = new MuxStream(this.#nextId, this, 'us', windowHolder);
    this.#nextId += 2;
    this.#streams.set(stream.id, stream);
    this.#slots.take();
    // The SYN may exceed the control-frame limit of a blocked carrier, which ends the session.
    this.#throwIfRefused();
    this.#onDeadline(this.#unacknowledged.set(stream, this.#options.clock.monotonicMs()));
    return stream;
  }

  #throwIfRefused(): void {
    if (this.#openRefusal !== undefined) throw this.#openRefusal;
  }
}
