// Owns one request and its answer on an HTTP/1 connection: checks the head, makes the exchange and the sink, and decides what a
// fault in the body means by how far the answer has come.
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
import { endSoon, endSoonInsteadOfAtOnce } from './linger.ts';
import type { Peer } from '../listen/peer.ts';
import { refuseRequest } from '../refusal.ts';
import { ResponseSink, type SinkHost } from './response-sink.ts';
import type { ServerHost } from '../server-host.ts';
import { type WriteRate, writeRateOf } from '../write-rate.ts';

/** What a turn needs of its connection. */
export interface RequestCycleConnection {
  readonly peer: Peer;
  readonly socket: Socket;
  /** No request is read behind the one that is answered. */
  readonly isLast: boolean;
  /** It ends with its next response, whatever has been read behind that request. */
  readonly retired: boolean;
  /** Nothing that still comes is read as a request. */
  endsWithAnswer(): void;
  /** The connection leaves HTTP. */
  switched(response: ServerResponse, head: string, peer: Duplex): void;
  /** The answer is complete, or nobody is left to read it. */
  over(): void;
}

/** What is dropped of a body that nobody wanted before its connection is given up for it. As much as Go's server does. */
const maxDroppedBytes = 256 * 1024;

export class RequestCycle implements SinkHost, BodyOwner {
  readonly #request: ClientRequest;
  readonly #response: ServerResponse;
  readonly #upgrade: boolean;
  readonly #connection: RequestCycleConnection;
  readonly #host: ServerHost;
  #exchange: ClientExchange | undefined = undefined;
  #sink: ResponseSink | undefined = undefined;
  #bodyLength: BodyLength = 'none';
  #looked = false;
  /** Of the head, or of the body as far as it came. */
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

  /** The whole request has come. */
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
      // Node reports a head before it parses what came behind it, and only that shows whether a chunked body is empty.
      if (head.bodyLength === null && !request.complete && !this.#looked) {
        this.#looked = true;
        process.nextTick(this.#startAgain);
        return;
      }
      this.#bodyLength = isEmpty(request) ? 'none' : head.bodyLength;
    }
    const body = bodyOf(request, this.#bodyLength);
    const httpVersion = request.httpVersionMinor === 0 ? '1.0' : '1.1';
    const exchange = ClientExchange.of({ req, body, httpVersion, peer: this.#connection.peer }, policy);
    const sink = new ResponseSink(this.#response, exchange, this);
    this.#exchange = exchange;
    this.#sink = sink;
    this.#response.on('close', () => {
      // An answer may be complete before the body is, and the rest of that is still to be dropped in time.
      if (this.#connection.socket.destroyed) this.leaveBody();
      sink.closed();
      this.#connection.over();
    });
    if (refused) {
      this.#fault = head;
      this.#connection.endsWithAnswer();
      refuseRequest(exchange, sink, head);
    } else {
      // Nobody may be asked to wait for a 100 that an HTTP/1.0 client can't be sent.
      if (httpVersion === '1.0') exchange.withheld.push('expect');
      this.#watchBody(head, policy);
      this.#host.receive(exchange, sink);
    }
  }

  readonly #startAgain = (): void => {
    if (!this.#connection.socket.destroyed) this.start();
  };

  /** The client has gone, or will be made to. */
  cancel(reason?: GatewayError): void {
    if (reason !== undefined) this.#sink?.fail(reason);
    this.#exchange?.cancellation.cancel();
  }

  /** Nothing more of it will come. */
  leaveBody(): void {
    this.#request.watch?.end();
  }

  bodyFault(error: GatewayError): void {
    if (this.#fault !== undefined) return;
    this.#fault = error;
    this.#request.watch?.end();
    // Its turn has not come yet: start() finds the fault.
    if (this.#exchange === undefined || this.#sink === undefined) return;
    this.#connection.endsWithAnswer();
    if (this.#response.writableEnded) endSoon(this.#connection.socket);
    else if (!this.#exchange.body.started) {
      this.#sink.fail(error);
      this.#exchange.cancellation.cancel();
    } else if (this.#request.watch?.left !== true) {
      // Whoever reads takes the app's request with it, and the fault comes back as the answer.
      this.#request.fail(error);
    }
  }

  bodyStalled(error: GatewayError): void {
    // While the app talks, it is the app's to say how long the other direction may rest.
    if (this.#response.headersSent && !this.#response.writableEnded) this.#request.watch?.wanted();
    else this.bodyFault(error);
  }

  continued(): void {
    this.#request.watch?.continued();
  }

  endsWith(answer: 'own' | 'of the app'): boolean {
    const isFaulty = this.#fault !== undefined;
    const incomplete = this.#bodyLength !== 'none' && !this.#request.complete;
    const leaves = this.#connection.retired || (this.#host.sendsAway() && this.#connection.isLast);
    const ends = isFaulty || leaves || (answer === 'own' && incomplete && this.#isTooMuchToDrop());
    // Bytes that are unread at the close would reset the connection, and the reset may overtake the response.
    if (ends || incomplete) endSoonInsteadOfAtOnce(this.#connection.socket);
    if (ends) this.#connection.endsWithAnswer();
    return ends;
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
    // What came while earlier requests were answered, perhaps all of it.
    request.watch.receivedBytes = request.readableLength;
    if (request.complete) request.watch.end();
  }

  #heldTooMuch(maxBodyBytes: number): GatewayError | undefined {
    return maxBodyBytes > 0 && this.#request.readableLength > maxBodyBytes ? bodyTooLarge(maxBodyBytes) : undefined;
  }
}

/** The whole body has come, and nothing is in it, trailers included. */
function isEmpty({ complete, readableLength, rawTrailers }: ClientRequest): boolean {
  return complete && readableLength === 0 && rawTrailers.length === 0;
}
