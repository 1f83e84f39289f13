// A yamux session over a carrier, in either role: handles the peer's frames and ends the session.
// Does not interpret the streams' bytes. Spec: hashicorp/yamux spec.md version 0.
import type { Clock } from '../../kernel/clock.ts';
import { PortalError } from '../errors.ts';
import type { Carrier } from '../websocket/carrier.ts';
import { SessionTimer } from './session-timer.ts';
import { FrameReader } from './frame-reader.ts';
import { flag, frameType, goAwayCode, goAwayReason, type FrameType } from './frame.ts';
import { Keepalive } from './keepalive.ts';
import { completeMuxOptions, type MuxOptions } from './mux-options.ts';
import type { MuxStream } from './mux-stream.ts';
import { Outbox } from './outbox.ts';
import type { Pipe } from './pipe.ts';
import { StreamTable } from './stream-table.ts';

export type { MuxOptions } from './mux-options.ts';

/** Callbacks for the owner of a session. They must not throw. */
export interface MuxHandler {
  /**
   * The peer opened a stream. The first setHandler(), write() or end() on it, now or later, accepts
   * it (ACK); reset() rejects it. Until then it occupies the backlog.
   */
  stream(pipe: Pipe): void;
  /** The peer accepts no new streams; open ones continue. */
  goAway(): void;
  /**
   * The session has ended, after every pipe was notified. `error` is undefined if the peer closed
   * normally. Not called after close().
   */
  close(error: PortalError | undefined): void;
}

export class Mux {
  readonly #carrier: Carrier;
  readonly #handler: MuxHandler;
  readonly #clock: Clock;
  readonly #strict: boolean;
  readonly #reader: FrameReader;
  readonly #outbox: Outbox;
  readonly #table: StreamTable;
  readonly #keepalive: Keepalive;
  readonly #timer: SessionTimer;
  #state: 'open' | 'draining' | 'closed' = 'open';
  /** The stream that receives the current body; undefined: the body is dropped. */
  #bodyStream: MuxStream | undefined;
  #bodyEndsStream = false;

  constructor(carrier: Carrier, options: MuxOptions, handler: MuxHandler) {
    const complete = completeMuxOptions(options);
    this.#carrier = carrier;
    this.#handler = handler;
    this.#clock = complete.clock;
    this.#strict = complete.tolerance === 'strict';
    this.#reader = new FrameReader({
      frame: (type, flags, streamId, length) => {
        this.#frame(type, flags, streamId, length);
      },
      body: (chunk, last) => {
        this.#body(chunk, last);
      },
      // As in Go, no GoAway is sent to a peer that speaks another protocol.
      malformed: (problem) => {
        this.#shutDown(new PortalError('session_protocol', problem), 'nothing');
      },
    });
    this.#outbox = new Outbox(carrier, (error) => {
      this.#shutDown(error, 'nothing');
    });
    this.#timer = new SessionTimer(complete.clock, () => {
      this.#tick();
    });
    const needAt = (dueAtMs: number): void => {
      this.#timer.need(dueAtMs);
    };
    this.#table = new StreamTable(complete, this.#outbox, needAt);
    this.#keepalive = new Keepalive(complete.keepalive, complete.clock.monotonicMs(), (id) => {
      this.#outbox.control(frameType.ping, flag.syn, 0, id);
    });
    this.#timer.need(this.#keepalive.nextMs);
    carrier.setHandler({
      data: (chunk) => {
        this.#keepalive.noteReceived();
        this.#reader.push(chunk);
      },
      drain: () => {
        this.#outbox.drained();
      },
      close: (error) => {
        this.#carrierClosed(error);
      },
    });
  }

  get state(): 'open' | 'draining' | 'closed' {
    return this.#state;
  }

  get streamCount(): number {
    return this.#table.size;
  }

  /** Round trip of the last answered ping. */
  get rttMs(): number | undefined {
    return this.#keepalive.rttMs;
  }

  /**
   * A ping is unanswered for more than half of its timeout: the session may be dead, avoid new work
   * on it.
   */
  get suspect(): boolean {
    return this.#keepalive.suspect(this.#clock.monotonicMs());
  }

  /** Bytes queued in the streams and in the carrier. */
  get bufferedBytes(): number {
    return this.#outbox.queuedBytes + this.#carrier.bufferedBytes;
  }

  /**
   * Opens a stream, usable immediately unless 256 streams wait for their ACK. `windowHolder`: the
   * stream uses this holder's share of the window budget instead of the session's.
   */
  open(signal?: AbortSignal, windowHolder?: string): Promise<Pipe> {
    return this.#table.request(signal, windowHolder);
  }

  /** Resolves with the round-trip time in milliseconds. */
  ping(): Promise<number> {
    if (this.#state === 'closed') return Promise.reject(new PortalError('session_closed', 'the session is closed'));
    const response = this.#keepalive.ask(this.#clock.monotonicMs());
    this.#timer.need(this.#keepalive.nextMs);
    return response;
  }

  /** Rejects all new streams of the peer from now on with RST. */
  goAway(): void {
    if (this.#state === 'closed') return;
    this.#state = 'draining';
    this.#table.refuseInbound();
    this.#outbox.control(frameType.goAway, 0, 0, goAwayCode.normal);
  }

  /**
   * Ends the session after sending the queued bytes that fit the windows and the carrier, without
   * waiting. Notifies every pipe. Idempotent.
   */
  close(error: PortalError = new PortalError('session_closed', 'the session was closed on this side')): void {
    this.#shutDown(error, 'everything', 'silently');
  }

  // --- frames of the peer

  #frame(type: FrameType, flags: number, streamId: number, length: number): void {
    switch (type) {
      case frameType.data:
      case frameType.windowUpdate:
        this.#streamFrame(type, flags, streamId, length);
        return;
      case frameType.ping:
        if ((flags & flag.syn) !== 0) this.#outbox.control(frameType.ping, flag.ack, 0, length);
        else if ((flags & flag.ack) !== 0) this.#pong(length);
        return;
      case frameType.goAway:
        this.#peerGoesAway(length);
        return;
    }
  }

  #streamFrame(type: FrameType, flags: number, streamId: number, length: number): void {
    this.#bodyStream = undefined;
    const stream = (flags & flag.syn) === 0 ? this.#known(streamId) : this.#synReceived(streamId, flags);
    if (stream === undefined) return;
    if ((flags & flag.ack) !== 0) stream.acknowledge();
    const ends = (flags & flag.fin) !== 0;
    if (ends && stream.peerEnded) {
      this.#breach(`a second FIN on stream ${streamId}`);
      return;
    }
    if ((flags & flag.rst) !== 0) {
      stream.receiveReset(new PortalError('stream_reset', `stream ${streamId} was reset by the peer`));
      return;
    }
    if (type === frameType.windowUpdate) {
      if (!stream.openWindow(length) && this.#strict) {
        this.#breach(`a window of more than 32 bits on stream ${streamId}`);
        return;
      }
    } else if (length > 0) {
      const breach = stream.expect(length);
      if (breach === 'over-window' || (breach === 'data-after-end' && this.#strict)) {
        this.#breach(
          `${breach === 'over-window' ? 'more data than the window allows' : 'data after FIN'} on stream ${streamId}`,
        );
      } else if (breach === undefined) {
        this.#bodyStream = stream;
        this.#bodyEndsStream = ends;
      }
      return;
    }
    if (ends) this.#peerEnded(stream);
  }

  #body(chunk: Buffer, last: boolean): void {
    const stream = this.#bodyStream;
    if (stream === undefined) return;
    stream.receive(chunk);
    if (!last) return;
    this.#bodyStream = undefined;
    if (this.#bodyEndsStream) this.#peerEnded(stream);
  }

  #peerEnded(stream: MuxStream): void {
    this.#table.peerEnded(stream);
    stream.receiveEnd();
  }

  #known(streamId: number): MuxStream | undefined {
    const stream = this.#table.get(streamId);
    // Late frames of a stream that was reset here are normal; frames of a stream that never existed
    // are not.
    if (stream === undefined && !this.#table.mayHaveExisted(streamId))
      this.#breach(`a frame for stream ${streamId}, which never existed`);
    return stream;
  }

  #synReceived(streamId: number, flags: number): MuxStream | undefined {
    const admission = this.#table.admit(streamId);
    switch (admission.kind) {
      case 'admitted':
        // A stream whose SYN also has RST is not reported.
        if ((flags & flag.rst) === 0) this.#handler.stream(admission.stream);
        return admission.stream;
      case 'refused':
        this.#outbox.control(frameType.windowUpdate, flag.rst, streamId, 0);
        return undefined;
      case 'breach':
        this.#breach(admission.problem);
        return undefined;
    }
  }

  #pong(id: number): void {
    const nowMs = this.#clock.monotonicMs();
    const rttMs = this.#keepalive.pongReceived(id, nowMs);
    if (rttMs !== undefined) this.#table.windowGrowth.roundTrip.sample(rttMs, nowMs);
    this.#timer.need(this.#keepalive.nextMs);
  }

  #peerGoesAway(code: number): void {
    if (code !== goAwayCode.normal) {
      const reason = goAwayReason(code);
      this.#shutDown(new PortalError('session_remote_error', `the peer ended the session: ${reason}`), 'nothing');
      return;
    }
    this.#state = 'draining';
    this.#table.refuseOpens(new PortalError('session_goaway', 'the peer accepts no new streams'));
    this.#handler.goAway();
  }

  // --- closing

  #breach(problem: string): void {
    this.#outbox.control(frameType.goAway, 0, 0, goAwayCode.protocolError);
    this.#shutDown(new PortalError('session_protocol', problem), 'control');
  }

  #carrierClosed(error: PortalError | undefined): void {
    this.#shutDown(error, 'nothing', 'carrier');
  }

  #tick(): void {
    const nowMs = this.#clock.monotonicMs();
    const error = this.#keepalive.tick(nowMs) ?? this.#table.tick(nowMs);
    if (error !== undefined) this.#shutDown(error, 'nothing');
    else this.#timer.need(Math.min(this.#keepalive.nextMs, this.#table.nextMs));
  }

  #shutDown(
    error: PortalError | undefined,
    farewell: 'everything' | 'control' | 'nothing',
    by: 'session' | 'silently' | 'carrier' = 'session',
  ): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#reader.stop();
    this.#bodyStream = undefined;
    this.#timer.stop();
    this.#outbox.close(farewell);
    if (by !== 'carrier') this.#carrier.close();
    const reason = error ?? new PortalError('carrier_closed', 'the peer closed the connection');
    this.#keepalive.close(reason);
    this.#table.close(reason);
    if (by !== 'silently') this.#handler.close(error);
  }
}
