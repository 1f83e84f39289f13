// One tunnel: reads requests from it, one after the other, has each served by the app, and writes the response. Decides when the
// tunnel may carry another request and how it ends.
import type { BytePipe } from '../kernel/byte-pipe.ts';
import { Deadline, type Expiring } from '../kernel/deadlines.ts';
import type { GatewayError } from '../kernel/errors.ts';
import { fieldValue } from '../kernel/field-value.ts';
import type { RawHeaders } from '../kernel/http.ts';
import { PipeDuplex } from '../kernel/pipe-duplex.ts';
import { type WholeResponse, wholeResponse } from '../kernel/whole-response.ts';
import type { ResponseHead } from '../http-client/response.ts';
import type { AppFault } from './app-fault.ts';
import type { AssertionGate } from './assertion-gate.ts';
import { exposeProblem } from './expose-problem.ts';
import { hostFor, type HostHeader } from './host-header.ts';
import { type ExchangeContext, LocalExchange, type ResponseSink } from './local-exchange.ts';
import { RequestBody } from './request-body.ts';
import type { TunnelRequestHead } from './request-head.ts';
import { RequestReader } from './request-reader.ts';
import { ResponseWriter } from './response-writer.ts';
import { splice } from './splice.ts';
import type { Target } from './target.ts';

export interface TunnelContext extends ExchangeContext {
  readonly target: Target;
  readonly hostHeader: HostHeader;
  /** Only requests that it lets pass reach the app. */
  readonly gate: AssertionGate | undefined;
  /** A tunnel without a request for so long is closed, milliseconds. */
  readonly idleMs: number;
  /** Tunnels end behind the request in flight. */
  readonly draining: boolean;
  /** The tunnel is closed, whoever closed it. Once. */
  closed(tunnel: Tunnel): void;
}

/** Bytes behind a request that is still being served: no known gateway sends any. More end the tunnel. */
const maxAheadBytes = 16 * 1024;
/** Bytes that a client may send ahead of the 101. Few protocols do; none needs more than a first message. */
const maxEarlyBytes = 64 * 1024;
/** What a tunnel needs to carry its last bytes: a reset would take them back. The wait of common servers. */
const lingerMs = 5_000;

/** idle: no request, or a part of its head. lingering: this side has ended, and what comes is dropped. */
type State = 'idle' | 'serving' | 'upgraded' | 'lingering' | 'closed';

export class Tunnel implements ResponseSink, Expiring {
  readonly #pipe: BytePipe;
  readonly #context: TunnelContext;
  readonly #reader: RequestReader;
  readonly #writer: ResponseWriter;
  /** Of idling, then of lingering. */
  readonly #deadline: Deadline;
  #state: State = 'idle';
  // Of the request that is served.
  #request: TunnelRequestHead | undefined;
  #exchange: LocalExchange | undefined;
  #body: RequestBody | undefined;
  #isWhole = true;
  #continued = false;
  /** Its response has begun. */
  #begun = false;
  /** Another request may follow it. */
  #keeps = true;

  constructor(pipe: BytePipe, context: TunnelContext) {
    this.#pipe = pipe;
    this.#context = context;
    this.#writer = new ResponseWriter(pipe);
    this.#deadline = new Deadline(this);
    this.#reader = new RequestReader({
      head: (head) => {
        this.#serve(head);
      },
      data: (chunk) => {
        if (this.#body?.destroyed === false && !this.#body.push(chunk)) this.#pauseBody();
      },
      end: (trailers) => {
        this.#isWhole = true;
        if (this.#body?.destroyed !== false) return;
        this.#body.finish(trailers);
        // A full stream asks for no more once it has ended, but the caller's end must still be noticed.
        this.#pipe.resume();
      },
    });
    context.deadlines.arm(this.#deadline, context.idleMs);
    pipe.setHandler({
      data: (chunk) => {
        this.#received(chunk);
      },
      end: () => {
        this.#ended();
      },
      drain: () => {
        this.#exchange?.resume();
      },
      closed: () => {
        this.#lost();
      },
    });
  }

  /** A request is in flight, or an upgraded connection. */
  get busy(): boolean {
    return this.#state === 'serving' || this.#state === 'upgraded';
  }

  /** At once; the app notices too. */
  destroy(): void {
    this.#pipe.destroy();
  }

  expired(): void {
    this.#pipe.destroy();
  }

  // The app's side.

  informational(head: ResponseHead): void {
    const request = this.#request;
    if (request?.version !== '1.1') return;
    if (head.status === 100) {
      // Only a caller that asked for it may get it, and once.
      if (!request.expectsContinue || this.#continued) return;
      this.#continued = true;
    }
    this.#writer.informational(head);
  }

  head(head: ResponseHead): void {
    const request = this.#request;
    if (request === undefined) return;
    this.#begun = true;
    // A caller that was not told to go on may send the body or leave it out: nobody knows where the next request begins.
    const isUnsure = request.expectsContinue && !this.#continued && !this.#isWhole;
    const keeps = this.#keeps && !isUnsure && !this.#context.draining;
    this.#keeps = this.#writer.head(head, request, keeps);
  }

  data(chunk: Buffer): boolean {
    return this.#writer.data(chunk);
  }

  end(trailers: RawHeaders): void {
    this.#writer.end(trailers);
    this.#finished();
  }

  upgrade(head: ResponseHead, stream: PipeDuplex): void {
    this.#state = 'upgraded';
    this.#exchange = undefined;
    this.#writer.switching(head);
    const tunnel = new PipeDuplex(this.#pipe, { allowHalfOpen: true }, this.#reader.rest());
    tunnel.once('close', () => {
      this.#lost();
    });
    splice(tunnel, stream);
  }

  fail({ error, proxyError }: AppFault): void {
    if (!this.#begun) this.#respond(exposeProblem(error, this.#request?.headers, proxyError));
    // Too late for an error response: what was announced and does not come must look broken, and what came is still delivered.
    else if (this.#writer.endsByClose) this.#pipe.destroy();
    else this.#linger();
  }

  requestFailed(): void {
    this.#pipe.destroy();
  }

  // The caller's side.

  #received(chunk: Buffer): void {
    if (this.#state === 'lingering') return;
    try {
      this.#reader.push(chunk);
    } catch (error) {
      this.#refuse(error as GatewayError);
    }
    if (this.#state !== 'serving' || !this.#isWhole) return;
    const { heldBytes } = this.#reader;
    if (this.#request?.offeredProtocols !== '') {
      if (heldBytes > maxEarlyBytes) this.#pipe.pause();
    } else if (heldBytes > maxAheadBytes) this.#pipe.destroy();
  }

  /** A caller never ends its direction before the response has ended: it is lost, and what the app still sends would block. */
  #ended(): void {
    if (this.#state === 'serving') this.#pipe.destroy();
    else this.#pipe.end();
  }

  #lost(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#context.deadlines.disarm(this.#deadline);
    this.#reader.stop();
    this.#exchange?.abort();
    this.#body?.destroy();
    this.#context.closed(this);
  }

  #serve(request: TunnelRequestHead): void {
    const context = this.#context;
    const { headers, lengthBytes, offeredProtocols, persistent } = request;
    context.deadlines.disarm(this.#deadline);
    this.#state = 'serving';
    this.#request = request;
    this.#begun = false;
    this.#continued = false;
    this.#keeps = persistent && offeredProtocols === '';
    this.#isWhole = lengthBytes === 'none' || lengthBytes === 0;
    const refusal = context.gate?.refusalOf(request);
    if (refusal !== undefined) {
      const { status, line } = refusal;
      this.#respond(wholeResponse(status, 'text/plain; charset=utf-8', Buffer.from(`${line}\n`)));
      return;
    }
    this.#body = this.#isWhole ? undefined : new RequestBody(this.#resumeBody);
    const host = hostFor(context.hostHeader, context.target, fieldValue(headers, 'host'));
    this.#exchange = new LocalExchange(request, host, this.#body, this, context);
    this.#exchange.start();
  }

  /** The caller's bytes are no request, or no body: nothing behind them can be understood (RFC 9112 §9.3, §11.2). */
  #refuse(error: GatewayError): void {
    this.#keeps = false;
    if (this.#state !== 'serving') {
      this.#request = undefined;
      this.#begun = false;
    }
    // The app must not take a part of the body for the whole.
    this.#exchange?.abort();
    if (this.#begun) this.#pipe.destroy();
    else this.#respond(exposeProblem(error, this.#request?.headers, undefined));
  }

  #respond(whole: WholeResponse): void {
    this.#keeps &&= this.#isWhole && !this.#context.draining;
    this.#writer.whole(whole, this.#request, this.#keeps);
    this.#finished();
  }

  /** The response is written. */
  #finished(): void {
    this.#exchange = undefined;
    this.#body?.destroy();
    this.#body = undefined;
    if (!this.#keeps || !this.#isWhole || this.#context.draining) {
      this.#linger();
      return;
    }
    this.#state = 'idle';
    this.#context.deadlines.arm(this.#deadline, this.#context.idleMs);
    this.#pipe.resume();
    try {
      this.#reader.next();
    } catch (error) {
      this.#refuse(error as GatewayError);
    }
  }

  /** Our end behind what was written; what still comes is dropped. */
  #linger(): void {
    this.#state = 'lingering';
    this.#exchange = undefined;
    this.#reader.stop();
    this.#context.deadlines.arm(this.#deadline, lingerMs);
    this.#pipe.resume();
    this.#pipe.end();
  }

  #pauseBody(): void {
    this.#reader.pause();
    this.#pipe.pause();
  }

  readonly #resumeBody = (): void => {
    if (this.#state !== 'serving') return;
    try {
      this.#reader.resume();
    } catch (error) {
      this.#refuse(error as GatewayError);
      return;
    }
    if (!this.#reader.paused) this.#pipe.resume();
  };
}
