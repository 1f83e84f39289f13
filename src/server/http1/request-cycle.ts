// One request and its response on an HTTP/1 connection. Checks the head, creates the exchange and
// the sink, and handles errors in the body depending on how far the response has come.
import type { ServerResponse } from 'node:http';
import process from 'node:process';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { GatewayError } from '../../kernel/errors/gateway-error.ts';
import type { RequestHead } from '../../kernel/http/http.ts';
import type { Policy } from '../../policy/policy.ts';
import { BodyWatch, type BodyOwner } from '../body-watch.ts';
import { ClientExchange } from '../client-exchange.ts';
import { bodyOf, type ClientRequest } from '../client-request.ts';
import { bodyTooLarge, checkHead, type BodyLength, type CheckedHead } from '../head-check.ts';
import { endSoon } from '../../kernel/net/linger.ts';
import { endSoonInsteadOfAtOnce } from './close-gracefully.ts';
import type { Peer } from '../listen/peer.ts';
import { refuseRequest } from '../../pipeline/refuse-request.ts';
import { Http1Sink, type Http1SinkHost } from './http1-sink.ts';
import type { ServerHost } from '../server-host.ts';
import { type WriteRate, writeRateOf } from '../write-rate.ts';

/** What a request cycle needs from its connection. */
export interface RequestCycleConnection {
  readonly peer: Peer;
  readonly socket: Socket;
  /** No request has been read after the current one. */
  readonly isLast: boolean;
  /** The connection ends with its next response, whatever has been read after that request. */
  readonly retired: boolean;
  /** No further input is read as a request. */
  closeAfterResponse(): void;
  /** The connection leaves HTTP. */
  switched(response: ServerResponse, head: string, peer: Duplex): void;
  /** The response is complete, or the client is gone. */
  over(): void;
}

/**
 * How much of an unread request body we drain before closing the connection instead (the same limit
 * as Go's net/http).
 */
const maxDroppedBytes = 256 * 1024;

export class RequestCycle implements Http1SinkHost, BodyOwner {
  readonly #request: ClientRequest;
  readonly #response: ServerResponse;
  readonly #upgrade: boolean;
  readonly #connection: RequestCycleConnection;
  readonly #host: ServerHost;
  #exchange: ClientExchange | undefined = undefined;
  #sink: Http1Sink | undefined = undefined;
  #bodyLength: BodyLength = 'none';
  #looked = false;
  /** Error in the head, or in the body as far as it has arrived. */
  #fault: GatewayError | undefined = undefined;

  constructor(
    request: ClientRequest,
    response: ServerResponse,
    upgrade: boolean,
    connection: RequestCycleConnection,
    host: ServerHost,
  ) {
    this.#request = request;
    this.#response = response;
    this.#upgrade = upgrade;
    this.#connection = connection;
    this.#host = host;
  }

  /** Whether the whole request has arrived. */
  get received(): boolean {
    return this.#upgrade || this.#request.complete;
  }

  start(): void {
    const request = this.#request;
    const policy = this.#host.policy();
    const req: RequestHead = {
      method: request.method ?? '',
      target: request.url ?? '',
      headers: request.rawHeaders,
      upgrade: this.#upgrade,
    };
    const { maxBodyBytes } = policy.limits;
    const bounds = { maxTargetBytes: this.#host.maxTargetBytes, maxBodyBytes };
    const head = this.#fault ?? this.#heldTooMuch(maxBodyBytes) ?? checkHead(req, request.httpVersion, bounds);
    const refused = head instanceof GatewayError;
    if (!refused) {
      // Node reports a head before it parses the bytes after it, and only those show whether a
      // chunked body is empty.
      if (head.bodyLength === null && !request.complete && !this.#looked) {
        this.#looked = true;
        process.nextTick(this.#startAgain);
        return;
      }
      this.#bodyLength = isEmpty(request) ? 'none' : head.bodyLength;
    }
    const body = bodyOf(request, this.#bodyLength);
    const httpVersion = request.httpVersionMinor === 0 ? '1.0' : '1.1';
    const exchange = ClientExchange.of(
      { req, body, httpVersion, peer: this.#connection.peer, startedMs: this.#host.clock.monotonicMs() },
      policy,
    );
    const sink = new Http1Sink(this.#response, exchange, this);
    this.#exchange = exchange;
    this.#sink = sink;
    this.#response.on('close', () => {
      // The response may be complete before the request body, the rest of which must still be
      // drained within its time limit.
      if (this.#connection.socket.destroyed) this.leaveBody();
      sink.closed();
      this.#connection.over();
    });
    if (refused) {
      this.#fault = head;
      this.#connection.closeAfterResponse();
      refuseRequest(exchange, sink, head);
    } else {
      // An HTTP/1.0 client cannot receive a 100 (Continue), so no app may be asked to send one.
      if (httpVersion === '1.0') exchange.strippedHeaders.push('expect');
      this.#watchBody(head, policy);
      this.#host.dispatch(exchange, sink);
    }
  }

  readonly #startAgain = (): void => {
    if (!this.#connection.socket.destroyed) this.start();
  };

  /** The client has left, or is about to be disconnected. */
  cancel(reason?: GatewayError): void {
    if (reason !== undefined) this.#sink?.fail(reason);
    this.#exchange?.cancellation.cancel();
  }

  /** No more of the body will arrive. */
  leaveBody(): void {
    this.#request.watch?.end();
  }

  bodyFault(error: GatewayError): void {
    if (this.#fault !== undefined) return;
    this.#fault = error;
    this.#request.watch?.end();
    // The request still waits for earlier ones: start() handles the fault.
    if (this.#exchange === undefined || this.#sink === undefined) return;
    this.#connection.closeAfterResponse();
    if (this.#response.writableEnded) endSoon(this.#connection.socket);
    else if (!this.#exchange.body.started) {
      this.#sink.fail(error);
      this.#exchange.cancellation.cancel();
    } else if (this.#request.watch?.left !== true) {
      // The reader of the body aborts the request to the app and reports the fault as the response.
      this.#request.fail(error);
    }
  }

  bodyStalled(error: GatewayError): void {
    // While the app sends its response, the app decides how long the upload may pause.
    if (this.#response.headersSent && !this.#response.writableEnded) this.#request.watch?.wanted();
    else this.bodyFault(error);
  }

  continued(): void {
    this.#request.watch?.continued();
  }

  beginResponse(response: 'own' | 'of the app'): 'keep' | 'close' {
    const isFaulty = this.#fault !== undefined;
    const incomplete = this.#bodyLength !== 'none' && !this.#request.complete;
    const leaves = this.#connection.retired || (this.#host.sendsAway() && this.#connection.isLast);
    const closes = isFaulty || leaves || (response === 'own' && incomplete && this.#isTooMuchToDrop());
    // Unread input at the close would reset the connection, and the reset may overtake the
    // response.
    if (closes || incomplete) endSoonInsteadOfAtOnce(this.#connection.socket);
    if (closes) this.#connection.closeAfterResponse();
    return closes ? 'close' : 'keep';
  }

  #isTooMuchToDrop(): boolean {
    const length = this.#bodyLength;
    return typeof length !== 'number' || length - (this.#request.watch?.receivedBytes ?? 0) > maxDroppedBytes;
  }

  switched(response: ServerResponse, head: string, peer: Duplex): void {
    this.#connection.switched(response, head, peer);
  }

  writeRate(tooSlow: () => void): WriteRate | undefined {
    return this.#exchange && writeRateOf(this.#exchange.policy, this.#host, tooSlow);
  }

  #watchBody({ bodyLength, expectsContinue }: CheckedHead, { limits }: Policy): void {
    if (bodyLength === 'none') return;
    const request = this.#request;
    const bounds = { maxBytes: limits.maxBodyBytes, pauseMs: limits.bodyTimeoutMs };
    request.watch = new BodyWatch(bounds, this.#host.deadlines, this, expectsContinue);
    // Bytes that arrived while earlier requests were served, perhaps the whole body.
    request.watch.receivedBytes = request.readableLength;
    if (request.complete) request.watch.end();
  }

  #heldTooMuch(maxBodyBytes: number): GatewayError | undefined {
    return maxBodyBytes > 0 && this.#request.readableLength > maxBodyBytes ? bodyTooLarge(maxBodyBytes) : undefined;
  }
}

/** The whole body has arrived and is empty, without trailers. */
function isEmpty({ complete, readableLength, rawTrailers }: ClientRequest): boolean {
  return complete && readableLength === 0 && rawTrailers.length === 0;
}
