// One tunnel: reads requests one after another, forwards each to the app and writes the response.
// Decides whether the tunnel may carry another request and how it is closed.
import type { BytePipe } from '../kernel/net/byte-pipe.ts';
import { Deadline, type Expiring } from '../kernel/work/deadlines.ts';
import type { GatewayError } from '../kernel/errors/gateway-error.ts';
import { fieldValue } from '../kernel/http/field-value.ts';
import type { RawHeaders } from '../kernel/http/http.ts';
import { PipeDuplex } from '../kernel/net/pipe-duplex.ts';
import type { WholeResponse } from '../kernel/http/whole-response.ts';
import type { ResponseHead } from '../http-client/response.ts';
import { exposeProblem } from './expose-problem.ts';
import { hostFor } from './request/host-header.ts';
import { lingerMs } from '../kernel/net/linger.ts';
import { LocalExchange, type LocalExchangeHandler, type RequestFault } from './app/local-exchange.ts';
import { RequestBody } from './request/request-body.ts';
import type { TunnelRequestHead } from './request/check-request-head.ts';
import { RequestLookahead } from './request/request-lookahead.ts';
import { RequestReader } from './request/request-reader.ts';
import { meterFor } from './request-meter.ts';
import { ResponseWriter } from './response-writer.ts';
import { ServedRequest } from './served-request.ts';
import { spliceTunnel } from './tunnel-splice.ts';
import type { TunnelContext } from './tunnel-context.ts';

/**
 * Maximum bytes received after a request that is still being served. No known gateway sends any;
 * more close the tunnel.
 */
const maxAheadBytes = 16 * 1024;
/** Maximum bytes from a client before the 101, such as a first message. Few protocols do so. */
const maxEarlyBytes = 64 * 1024;
/**
 * For requests that cannot be repeated, gateways reuse only tunnels that were idle for less than
 * 2 s; such a request may be in transit. Includes a margin for the transit time.
 */
const quietBeforeEndMs = 3_000;

/**
 * idle: no request, or a part of its head. lingering: this side has ended, and received bytes are
 * dropped.
 */
type State = 'idle' | 'serving' | 'upgraded' | 'lingering' | 'closed';

export class Tunnel implements LocalExchangeHandler, Expiring {
  readonly #pipe: BytePipe;
  readonly #context: TunnelContext;
  readonly #closed: (tunnel: Tunnel) => void;
  readonly #reader: RequestReader;
  readonly #writer: ResponseWriter;
  /** Armed while idle and while lingering. */
  readonly #deadline: Deadline;
  #state: State = 'idle';
  /** Undefined while idle. */
  #served: ServedRequest | undefined;
  #exchange: LocalExchange | undefined;
  #body: RequestBody | undefined;
  #idleSinceMs: number;
  /** The caller does not read its responses; the next request waits until it does. */
  #unread = false;

  /** `closed`: called once, when the tunnel is closed by either side. */
  constructor(pipe: BytePipe, context: TunnelContext, closed: (tunnel: Tunnel) => void) {
    this.#pipe = pipe;
    this.#context = context;
    this.#closed = closed;
    this.#writer = new ResponseWriter(pipe);
    this.#deadline = new Deadline(this);
    const requests = new RequestLookahead({
      head: (head) => {
        this.#serve(head);
      },
      data: (chunk) => {
        this.#served?.meter?.received(chunk.length);
        if (this.#body?.destroyed !== false || this.#body.push(chunk)) return;
        this.#reader.pause();
        this.#pipe.pause();
      },
      end: (trailers) => {
        if (this.#served !== undefined) this.#served.isWhole = true;
        if (this.#body?.destroyed !== false) return;
        this.#body.finish(trailers);
        // A full stream stops asking for data once it has ended, but the caller's disconnect must
        // still be noticed.
        this.#pipe.resume();
      },
    });
    this.#reader = new RequestReader(requests);
    this.#idleSinceMs = context.nowMs();
    context.deadlines.arm(this.#deadline, context.idleMs);
    pipe.setHandler({
      data: (chunk) => {
        this.#received(chunk);
      },
      end: () => {
        this.#ended();
      },
      drain: () => {
        if (this.#unread) this.#readOn('next');
        else this.#exchange?.resume();
      },
      closed: () => {
        this.#lost();
      },
    });
  }

  /**
   * Ends the tunnel as soon as no request can be in transit and every response has been
   * sent. Idempotent.
   */
  drain(): void {
    if (this.#state !== 'idle' || this.#unread) return;
    const quietMs = this.#context.nowMs() - this.#idleSinceMs;
    if (quietMs >= quietBeforeEndMs) this.#linger(true);
    else this.#context.deadlines.arm(this.#deadline, quietBeforeEndMs - quietMs);
  }

  /** Closes the tunnel at once and aborts its request. Idempotent. */
  destroy(): void {
    this.#served?.meter?.finish('cut');
    this.#pipe.destroy();
  }

  expired(): void {
    if (this.#state === 'idle' && this.#context.draining) this.#linger(true);
    else this.#pipe.destroy();
  }

  // Called for the app.

  informational(head: ResponseHead): void {
    if (this.#served?.passes(head) === true) this.#writer.informational(head);
  }

  head(head: ResponseHead): void {
    const served = this.#served;
    if (served === undefined) return;
    served.begin(head);
    const keeps = served.keeps && !served.nextIsUnknown && !this.#context.draining;
    served.keeps = this.#writer.head(head, served.head, keeps);
  }

  data(chunk: Buffer): boolean {
    this.#served?.meter?.sent(chunk.length);
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
    this.#served?.meter?.upgrade(tunnel, stream);
    tunnel.once('close', () => {
      this.#lost();
    });
    spliceTunnel(tunnel, stream);
  }

  fail({ error, proxyError }: RequestFault): void {
    const served = this.#served;
    if (served?.begun !== true) this.#respond(exposeProblem(error, served?.head, proxyError));
    // Headers are already sent: deliver what was received, then close so that the response is
    // visibly incomplete.
    else if (this.#writer.endsByClose) this.destroy();
    else this.#linger(served.isWhole);
  }

  requestFailed(): void {
    this.#pipe.destroy();
  }

  // Called for the caller.

  #received(chunk: Buffer): void {
    if (this.#state === 'lingering') return;
    try {
      this.#reader.push(chunk);
    } catch (error) {
      this.#refuse(error as GatewayError);
    }
    if (!this.#unread && (this.#state !== 'serving' || this.#served?.isWhole !== true)) return;
    const { heldBytes } = this.#reader;
    if (this.#state === 'serving' && this.#served?.offersUpgrade === true) {
      if (heldBytes > maxEarlyBytes) this.#pipe.pause();
    } else if (heldBytes > maxAheadBytes) this.#pipe.destroy();
  }

  /**
   * A caller that ends its direction before the response is complete has disconnected; further
   * writes to it would block.
   */
  #ended(): void {
    this.#unread = false;
    this.#reader.stop();
    if (this.#state === 'serving') this.#pipe.destroy();
    else this.#pipe.end();
  }

  #lost(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#served?.meter?.finish('client_closed');
    this.#context.deadlines.disarm(this.#deadline);
    this.#reader.stop();
    this.#exchange?.abort();
    this.#body?.destroy();
    this.#closed(this);
  }

  #serve(request: TunnelRequestHead): void {
    const context = this.#context;
    const served = new ServedRequest(request, meterFor(this.#context, request));
    context.deadlines.disarm(this.#deadline);
    this.#state = 'serving';
    this.#served = served;
    this.#body = served.isWhole ? undefined : new RequestBody(this.#resumeBody);
    const host = hostFor(context.hostHeader, context.target, fieldValue(request.headers, 'host'));
    this.#exchange = new LocalExchange(request, host, this.#body, this, context);
    this.#exchange.start();
  }

  /** The request is malformed, so no byte after it can be interpreted (RFC 9112 §9.3, §11.2). */
  #refuse(error: GatewayError): void {
    const served = this.#served;
    if (served !== undefined) served.isWhole = false;
    // The app must not mistake the partial body for a complete one.
    this.#exchange?.abort();
    if (served?.begun === true) this.destroy();
    else this.#respond(exposeProblem(error, served?.head, undefined));
  }

  #respond(whole: WholeResponse): void {
    const served = this.#served;
    if (served !== undefined) served.keeps &&= served.isWhole && !this.#context.draining;
    this.#writer.whole(whole, served?.head, served?.keeps === true);
    if (served === undefined) meterFor(this.#context, undefined)?.whole(whole);
    else served.meter?.whole(whole);
    this.#finished();
  }

  /** The response has been written. */
  #finished(): void {
    const served = this.#served;
    served?.meter?.finish('complete');
    this.#exchange = undefined;
    this.#body?.destroy();
    this.#body = undefined;
    if (served?.keeps !== true || !served.isWhole || this.#context.draining) {
      this.#linger(served?.isWhole === true);
      return;
    }
    this.#served = undefined;
    this.#state = 'idle';
    this.#idleSinceMs = this.#context.nowMs();
    this.#context.deadlines.arm(this.#deadline, this.#context.idleMs);
    this.#pipe.resume();
    // Otherwise the responses to pipelined requests would pile up here, at many times the size of
    // the requests.
    if (this.#pipe.needsDrain) this.#unread = true;
    else this.#readOn('next');
  }

  #readOn(step: 'next' | 'resume'): void {
    this.#unread = false;
    try {
      this.#reader[step]();
    } catch (error) {
      this.#refuse(error as GatewayError);
    }
  }

  /**
   * Ends our direction after everything written, and drops received bytes until the caller ends or
   * the wait is over. `isWhole`: no part of a request is still to come.
   */
  #linger(isWhole: boolean): void {
    this.#served?.meter?.finish('cut');
    this.#state = 'lingering';
    this.#exchange = undefined;
    this.#reader.stop();
    // A reset would discard bytes that the caller has not read. Only an ongoing upload justifies
    // one this early.
    this.#context.deadlines.arm(this.#deadline, isWhole ? this.#context.idleMs : lingerMs);
    this.#pipe.resume();
    this.#pipe.end();
  }

  readonly #resumeBody = (): void => {
    if (this.#state !== 'serving') return;
    this.#readOn('resume');
    if (!this.#reader.paused) this.#pipe.resume();
  };
}
