// One HTTP/1.1 client connection: one exchange at a time over a byte pipe, and the rules of when another may follow (RFC 9112 §9).
// A pipe that ends, resets or sends bytes at any moment leads to exactly one outcome of an exchange. Keeps no time but that of
// an orderly close, and retries nothing.
import type { BytePipe, BytePipeHandler } from '../kernel/byte-pipe.ts';
import type { RawHeaders } from '../kernel/http.ts';
import { PipeDuplex } from '../kernel/pipe-duplex.ts';
import { HttpFault, type FaultKind, type FaultMoment } from './http-fault.ts';
import type { OutgoingBody, OutgoingBodyObserver } from './outgoing-body.ts';
import type { ResponseHead } from './response.ts';
import { ResponseReader } from './response-reader.ts';

export interface OutgoingRequest {
  readonly method: string;
  /** From encodeRequestHead(). Not modified: it may be sent again. */
  readonly head: Uint8Array;
  /** Undefined: the head is the whole request. */
  readonly body: OutgoingBody | undefined;
  /** As in the Upgrade field of the head; '' when the connection may not leave HTTP. */
  readonly offeredProtocols: string;
}

/** Exactly one of end, upgrade and fail is called, and nothing after it. None is called within send(). No method may throw. */
export interface ExchangeHandler {
  /** A piece of the request body was written. */
  uploading(): void;
  /** The whole request was written. May come within send(). */
  uploaded(): void;
  /** A 1xx response but 101. */
  informational(head: ResponseHead): void;
  head(head: ResponseHead): void;
  /** False: no more until HttpConnection.resume(). */
  data(chunk: Buffer): boolean;
  end(trailers: RawHeaders): void;
  /** The connection has left HTTP: `stream` is everything behind the 101, and the handler's own. */
  upgrade(head: ResponseHead, stream: PipeDuplex): void;
  /** The connection is closed. */
  fail(fault: HttpFault): void;
}

export interface HttpConnectionOwner {
  /** An exchange is complete, and send() may be called again. */
  rested(): void;
  /** The peer sent bytes that belong to no exchange; the connection is closed for it. A complete response before them passed. */
  excess(): void;
  /** The pipe is closed, whoever closed it; of an upgraded connection too. Once, the last call. */
  lost(): void;
}

/** How long the peer has to answer our end before the pipe is destroyed. */
const closeGraceMs = 5_000;

const unaskedMessage = 'the peer sent something that nobody had asked for';

interface Exchange {
  readonly request: OutgoingRequest;
  readonly handler: ExchangeHandler;
  /** Of the pipe, before the request. */
  readonly sentBefore: number;
  receivedAny: boolean;
  /** The final head, once it came. */
  head: ResponseHead | undefined;
  /** Set when the response is complete, until the bytes that came with its end are read as well. */
  outcome: { readonly trailers: RawHeaders } | { readonly upgrade: ResponseHead } | undefined;
}

/** idle: open, no exchange. closing: nothing that comes is read. upgraded: the pipe is another's. */
type State = 'idle' | 'busy' | 'closing' | 'upgraded' | 'closed';

export class HttpConnection implements BytePipeHandler, OutgoingBodyObserver {
  readonly pipe: BytePipe;
  readonly #owner: HttpConnectionOwner;
  readonly #reader: ResponseReader;
  #state: State = 'idle';
  #exchange: Exchange | undefined;
  #exchanges = 0;
  #paused = false;
  #peerEnded = false;
  #keepAliveMs: number | undefined;
  #closeTimer: NodeJS.Timeout | undefined;
  /** Why the connection closed while there was no exchange to fail. */
  #idleFault: HttpFault | undefined;

  constructor(pipe: BytePipe, owner: HttpConnectionOwner) {
    this.pipe = pipe;
    this.#owner = owner;
    this.#reader = new ResponseReader({
      informational: (head) => this.#exchange?.handler.informational(head),
      head: (head) => {
        this.#head(head);
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

  /** False: busy, or never to be used again. */
  get usable(): boolean {
    return this.#state === 'idle' && !this.#peerEnded && !this.pipe.closed;
  }

  /** Exchanges begun: 0 for a connection that no request has used. */
  get exchanges(): number {
    return this.#exchanges;
  }

  /** What the peer announced with its last response (`Keep-Alive: timeout`), milliseconds. */
  get keepAliveMs(): number | undefined {
    return this.#keepAliveMs;
  }

  /** Why a connection without an exchange cannot be used. */
  get idleFault(): HttpFault {
    return (
      this.#idleFault ?? new HttpFault('connection_lost', 'unsent', 'the connection was closed before the request')
    );
  }

  /** Only while `usable`. */
  send(request: OutgoingRequest, handler: ExchangeHandler): void {
    if (!this.usable) throw new Error('a request on a connection that is not usable');
    const { pipe } = this;
    const { body, method, offeredProtocols, head } = request;
    this.#state = 'busy';
    this.#exchanges += 1;
    const sentBefore = pipe.bytesSent;
    this.#exchange = { request, handler, sentBefore, receivedAny: false, head: undefined, outcome: undefined };
    this.#reader.expect({ method, offeredProtocols });
    // Before the head is written: what has come of the body by then leaves with it.
    body?.start(pipe, this);
    pipe.write(head);
    if (body === undefined) handler.uploaded();
    else body.rewrite();
  }

  /** Gives up the exchange, if there is one, and the connection. Its handler is not called any more. */
  destroy(): void {
    if (this.#state === 'upgraded' || this.#state === 'closed') return;
    this.#exchange?.request.body?.detach();
    this.#exchange = undefined;
    this.#state = 'closing';
    // Within a call of its own it would go on with the bytes that it has.
    this.#reader.stop();
    this.pipe.destroy();
  }

  /** Closes a connection without an exchange in order: our end, then the peer's. */
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
      if (this.pipe.bytesSent === exchange.sentBefore) {
        // No response to this request: nobody has seen a byte of it.
        this.#fail('unasked', unaskedMessage, undefined);
        this.#owner.excess();
        return;
      }
      exchange.receivedAny = true;
      exchange.request.body?.forgetSent();
    }
    this.#read(chunk);
  }

  end(): void {
    this.#peerEnded = true;
    if (this.#exchange === undefined) {
      // Nothing more can come: an idle connection is over, and a closing one waited for this.
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
    this.#idleFault ??= new HttpFault(
      'connection_lost',
      'unsent',
      'the connection was closed before the request',
      error,
    );
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

  #head(head: ResponseHead): void {
    const exchange = this.#exchange;
    if (exchange === undefined) return;
    exchange.head = head;
    exchange.handler.head(head);
  }

  /** Reads on: `chunk`, or what the reader holds since pause(). */
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

  /** The exchange is over once its response is: what that means for the connection is decided here and nowhere else. */
  #settle(): void {
    const exchange = this.#exchange;
    const outcome = exchange?.outcome;
    if (exchange === undefined || outcome === undefined) return;
    this.#exchange = undefined;
    const { handler, request, head } = exchange;
    const { body } = request;
    const uploaded = body?.finished !== false;
    body?.detach();
    if ('upgrade' in outcome) {
      this.#upgrade(outcome.upgrade, handler);
      return;
    }
    const { excess } = this.#reader;
    const reusable = head?.persistent === true && uploaded && !excess && !this.#peerEnded && !this.pipe.closed;
    this.#keepAliveMs = head?.keepAliveSeconds === undefined ? undefined : head.keepAliveSeconds * 1000;
    this.#state = 'idle';
    // A response may be complete while its reader still wants a pause: the next exchange must not inherit it.
    if (this.#paused) {
      this.#paused = false;
      this.#resumePipe();
    }
    // What the peer still sends behind its response is read by nobody, and what we still have to send it does not want.
    if (excess || !uploaded) this.destroy();
    else if (!reusable) this.close();
    handler.end(outcome.trailers);
    if (excess) this.#owner.excess();
    if (reusable) this.#owner.rested();
  }

  #upgrade(head: ResponseHead, handler: ExchangeHandler): void {
    this.#state = 'upgraded';
    const stream = new PipeDuplex(this.pipe, { allowHalfOpen: true }, this.#reader.rest());
    // Always followed by 'close'; whoever joins the stream may not listen yet, or not any more.
    stream.on('error', ignore).once('close', () => {
      this.#state = 'closed';
      this.#owner.lost();
    });
    handler.upgrade(head, stream);
  }

  /** Bytes between two exchanges: a response to nothing, or the rest of one that was longer than it said. */
  #unasked(): void {
    this.#idleFault = new HttpFault('unasked', 'unsent', unaskedMessage);
    this.destroy();
    this.#owner.excess();
  }

  #fail(kind: FaultKind, message: string, cause: unknown): void {
    const exchange = this.#exchange;
    if (exchange === undefined) return;
    const moment = this.#moment(exchange);
    this.destroy();
    exchange.handler.fail(new HttpFault(kind, moment, message, cause));
  }

  #moment({ head, receivedAny, sentBefore }: Exchange): FaultMoment {
    if (head !== undefined) return 'body';
    if (receivedAny) return 'head';
    return this.pipe.bytesSent === sentBefore ? 'unsent' : 'waiting';
  }
}

function ignore(): void {
  // see #upgrade
}
