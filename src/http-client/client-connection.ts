// One HTTP/1.1 client connection: carries one exchange at a time over a byte pipe and decides
// whether another may follow (RFC 9112 §9). Each exchange has exactly one outcome, whenever
// the pipe ends, resets or delivers bytes. Sets no deadline except for a graceful close, and
// never retries.
import type { BytePipe, BytePipeHandler } from '../kernel/net/byte-pipe.ts';
import { PipeDuplex } from '../kernel/net/pipe-duplex.ts';
import { ignore } from '../kernel/ignore.ts';
import { ActiveExchange } from './active-exchange.ts';
import type { ExchangeHandler, OutgoingRequest } from './exchange.ts';
import { HttpFault, type FaultKind } from './http-fault.ts';
import type { OutgoingBodyObserver } from './outgoing-body.ts';
import type { ResponseHead } from './response.ts';
import { ResponseReader } from './response-reader.ts';

export interface HttpConnectionOwner {
  /** An exchange is complete, and send() may be called again. */
  idle(): void;
  /**
   * The peer sent bytes that belong to no exchange, so the connection is closed. A complete
   * response before them was delivered.
   */
  excess(): void;
  /**
   * The pipe was closed by either side, possibly after an upgrade. Called once, as the last call.
   */
  lost(): void;
}

/** Time that the peer has to end its side after ours before the pipe is destroyed. */
const closeGraceMs = 5_000;

/**
 * idle: open, no exchange. closing: received bytes are ignored. upgraded: the pipe belongs to the
 * handler of the upgrade.
 */
type State = 'idle' | 'busy' | 'closing' | 'upgraded' | 'closed';

export class HttpConnection implements BytePipeHandler, OutgoingBodyObserver {
  readonly pipe: BytePipe;
  readonly #owner: HttpConnectionOwner;
  readonly #reader: ResponseReader;
  #state: State = 'idle';
  #exchange: ActiveExchange | undefined;
  #exchanges = 0;
  #paused = false;
  #peerEnded = false;
  #keepAliveMs: number | undefined;
  #closeTimer: NodeJS.Timeout | undefined;
  /** Why the connection closed while there was no exchange to fail. */
  #idleFault: HttpFault | undefined;
  #closeError: Error | undefined;

  constructor(pipe: BytePipe, owner: HttpConnectionOwner) {
    this.pipe = pipe;
    this.#owner = owner;
    this.#reader = new ResponseReader({
      informational: (head) => {
        this.#exchange?.informational(head);
      },
      head: (head) => {
        this.#exchange?.begin(head);
      },
      data: (chunk) => {
        if (this.#exchange?.handler.data(chunk) === false) this.pause();
      },
      end: (trailers) => {
        if (this.#exchange !== undefined) this.#exchange.outcome = { trailers };
      },
      upgrade: (upgrade) => {
        if (this.#exchange !== undefined) this.#exchange.outcome = { upgrade };
      },
    });
    pipe.setHandler(this);
  }

  /** Whether send() may be called. Permanently false once the connection is closing. */
  get usable(): boolean {
    return this.#state === 'idle' && !this.#peerEnded && !this.pipe.closed;
  }

  /** Number of exchanges started. */
  get exchanges(): number {
    return this.#exchanges;
  }

  /** `Keep-Alive: timeout` of the last response, milliseconds. */
  get keepAliveMs(): number | undefined {
    return this.#keepAliveMs;
  }

  /** Why a connection without an exchange cannot be used. */
  get idleFault(): HttpFault {
    const message = 'the connection was closed before the request';
    return this.#idleFault ?? new HttpFault('connection_lost', 'unsent', message, this.#closeError);
  }

  /** May be called only while `usable`. */
  send(request: OutgoingRequest, handler: ExchangeHandler): void {
    if (!this.usable) throw new Error('a request on a connection that is not usable');
    const { pipe } = this;
    const { body, method, offeredProtocols, head } = request;
    this.#state = 'busy';
    this.#exchanges += 1;
    this.#exchange = new ActiveExchange(request, handler, pipe.bytesSent);
    this.#reader.expect({ method, offeredProtocols });
    // Called before the head is written, so that body data that is already available is sent
    // together with it.
    body?.start(pipe, this);
    pipe.write(head);
    if (body === undefined) handler.uploaded();
    else body.rewrite();
  }

  /**
   * Aborts the current exchange, if any, and closes the connection. The handler is not called
   * again. Idempotent.
   */
  destroy(): void {
    if (this.#state === 'upgraded' || this.#state === 'closed') return;
    this.#exchange?.request.body?.detach();
    this.#exchange = undefined;
    this.#state = 'closing';
    // The reader's own handler may call destroy(); without stop() the reader would continue.
    this.#reader.stop();
    this.pipe.destroy();
  }

  /**
   * Closes an idle connection gracefully: our end first, then the peer's. Does nothing while busy.
   */
  close(): void {
    if (this.#state !== 'idle') return;
    this.#state = 'closing';
    this.pipe.resume();
    this.pipe.end();
    if (this.pipe.closed) return;
    this.#closeTimer = setTimeout(() => {
      this.pipe.destroy();
    }, closeGraceMs);
    this.#closeTimer.unref();
  }

  pause(): void {
    if (this.#state !== 'busy' || this.#paused) return;
    this.#paused = true;
    this.#reader.pause();
    this.pipe.pause();
  }

  resume(): void {
    if (this.#state !== 'busy' || !this.#paused) return;
    this.#paused = false;
    this.#read(undefined);
    this.#resumePipe();
  }

  // Called by the pipe.

  data(chunk: Buffer): void {
    const exchange = this.#exchange;
    if (exchange === undefined) {
      if (this.#state === 'idle') this.#unasked();
      return;
    }
    if (!exchange.receivedAny) {
      if (exchange.unsent(this.pipe.bytesSent)) {
        this.#unasked();
        return;
      }
      exchange.responding();
    }
    this.#read(chunk);
  }

  end(): void {
    this.#peerEnded = true;
    if (this.#exchange === undefined) {
      // No response can follow: an idle connection is over, and a closing one was waiting
      // for this end.
      this.pipe.end();
      return;
    }
    try {
      this.#reader.end();
    } catch (error) {
      this.#fail('connection_lost', 'the peer ended the connection', error);
      return;
    }
    this.#settle();
  }

  drain(): void {
    this.#exchange?.request.body?.drain();
  }

  closed(error: Error | undefined): void {
    clearTimeout(this.#closeTimer);
    this.#fail('connection_lost', error?.message ?? 'the connection was closed', error);
    this.#closeError = error;
    this.#state = 'closed';
    this.#owner.lost();
  }

  // Called by the request body.

  wrote(): void {
    this.#exchange?.handler.uploading();
  }

  finished(): void {
    this.#exchange?.handler.uploaded();
  }

  failed(error: Error): void {
    this.#fail('request_body', error.message, error);
  }

  #resumePipe(): void {
    if (!this.#paused && !this.pipe.closed) this.pipe.resume();
  }

  /** Continues reading: `chunk`, or the bytes that the reader has held since pause(). */
  #read(chunk: Buffer | undefined): void {
    try {
      if (chunk === undefined) this.#reader.resume();
      else this.#reader.push(chunk);
    } catch (error) {
      this.#fail('malformed', (error as Error).message, error);
      return;
    }
    this.#settle();
  }

  /**
   * Ends the exchange if its response is complete. The only place that decides whether the
   * connection may be reused.
   */
  #settle(): void {
    const exchange = this.#exchange;
    const outcome = exchange?.outcome;
    if (exchange === undefined || outcome === undefined) return;
    this.#exchange = undefined;
    const { handler, request, head, uploaded } = exchange;
    request.body?.detach();
    if ('upgrade' in outcome) {
      this.#upgrade(outcome.upgrade, handler);
      return;
    }
    const { excess } = this.#reader;
    const reusable = head?.persistent === true && uploaded && !excess && !this.#peerEnded && !this.pipe.closed;
    this.#keepAliveMs = head?.keepAliveSeconds === undefined ? undefined : head.keepAliveSeconds * 1000;
    this.#state = 'idle';
    // The response may be complete while its receiver still wants a pause; the next exchange must
    // not inherit it.
    if (this.#paused) {
      this.#paused = false;
      this.#resumePipe();
    }
    // Bytes after the response are dropped, and a peer that responded early does not want the rest
    // of the request.
    if (excess || !uploaded) this.destroy();
    else if (!reusable) this.close();
    handler.end(outcome.trailers);
    if (excess) this.#owner.excess();
    if (reusable) this.#owner.idle();
  }

  #upgrade(head: ResponseHead, handler: ExchangeHandler): void {
    this.#state = 'upgraded';
    const stream = new PipeDuplex(this.pipe, { allowHalfOpen: true }, this.#reader.rest());
    // Without a listener, an error would end the process; 'close' always follows.
    stream.on('error', ignore).once('close', () => {
      this.#state = 'closed';
      this.#owner.lost();
    });
    handler.upgrade(head, stream);
  }

  /**
   * Bytes received before any byte of a request was sent: a response without a request, or the rest
   * of one that was longer than announced.
   */
  #unasked(): void {
    const message = 'the peer sent bytes without a request';
    if (this.#exchange === undefined) {
      this.#idleFault = new HttpFault('unasked', 'unsent', message);
      this.destroy();
    } else this.#fail('unasked', message, undefined);
    this.#owner.excess();
  }

  #fail(kind: FaultKind, message: string, cause: unknown): void {
    const exchange = this.#exchange;
    if (exchange === undefined) return;
    const moment = exchange.moment(cause, this.pipe.bytesSent);
    this.destroy();
    exchange.handler.fail(new HttpFault(kind, moment, message, cause));
  }
}
