// One request on its way through an Admission: it is admitted, queued or rejected, and leaves its
// place when its response ends. A request that is never started is refunded.
import type { Admission, AdmissionLimits, Entrant } from '../../guard/admission.ts';
import type { Caller } from '../../guard/shares.ts';
import { GatewayError, internalError } from '../../kernel/errors/gateway-error.ts';
import type { Flow, RawHeaders, Sink } from '../../kernel/http/http.ts';
import type { WholeResponse } from '../../kernel/http/whole-response.ts';
import type { Cancellable } from '../../kernel/work/cancellation.ts';
import { Deadline, type Deadlines, type Expiring } from '../../kernel/work/deadlines.ts';
import type { Limiter } from '../../limits/limiter.ts';
import { addressGroup } from '../../kernel/net/address-group.ts';
import { isStream } from '../is-stream.ts';
import { PassingSink } from '../passing-sink.ts';
import type { Dispatch, Exchange } from '../stage.ts';
import { refund } from './refund.ts';

/** The default dial timeout: after this time the client has most likely given up. */
const maxWaitMs = 10_000;

export interface AdmitParts {
  readonly admission: Admission;
  readonly deadlines: Deadlines;
  /** The limiter that charged the requests. */
  readonly limiter: Limiter;
}

type State = 'outside' | 'waiting' | 'in flight' | 'stream' | 'over';

export class AdmittedRequest extends PassingSink implements Entrant, Cancellable, Expiring {
  readonly caller: Caller;
  readonly #exchange: Exchange;
  readonly #limits: AdmissionLimits;
  readonly #next: Dispatch;
  readonly #admission: Admission;
  readonly #parts: AdmitParts;
  #deadline: Deadline | undefined = undefined;
  #state: State = 'outside';

  constructor(exchange: Exchange, sink: Sink, next: Dispatch, limits: AdmissionLimits, parts: AdmitParts) {
    super(sink);
    this.#exchange = exchange;
    this.caller = callerOf(exchange);
    this.#limits = limits;
    this.#next = next;
    this.#admission = parts.admission;
    this.#parts = parts;
  }

  get flow(): string {
    const { key, address } = this.caller;
    return key === undefined ? `address ${address}` : `key ${key}`;
  }

  enter(): void {
    const { req, cancellation } = this.#exchange;
    // Checked before the app is asked to switch protocols, which cannot be undone.
    if (req.upgrade && !this.#admission.hasRoomForStream(this.caller, this.#limits)) {
      this.#turnAway(tooManyStreams());
      return;
    }
    this.#state = 'waiting';
    switch (this.#admission.enter(this, this.#limits)) {
      case 'admitted':
        this.#begin();
        return;
      case 'full':
        this.#state = 'outside';
        this.#turnAway(queueFull());
        return;
      case 'queued':
        if (!this.#isWaiting) return;
        this.#deadline = new Deadline(this);
        this.#parts.deadlines.arm(this.#deadline, maxWaitMs);
        cancellation.add(this);
    }
  }

  admitted(): void {
    this.#stopWaiting();
    this.#begin();
  }

  evicted(): void {
    this.#stopWaiting();
    this.#turnAway(queueFull());
  }

  /** The client left while the request was queued. */
  cancel(): void {
    this.#leaveQueue(new GatewayError('client_closed', 'The client left before its request was started.'));
  }

  expired(): void {
    this.#leaveQueue(
      overloaded(
        'No slot became free in time: the gateway is at its limit of concurrent requests, or this caller at its share.',
      ),
    );
  }

  override head(status: number, headers: RawHeaders, flow: Flow): void {
    if (this.#state === 'in flight' && isStream(this.#exchange.req.method, status, headers)) {
      if (!this.#admission.becomeStream(this.caller, this.#limits)) {
        this.#leave();
        flow.abort(tooManyStreams());
        return;
      }
      this.#state = 'stream';
    }
    this.sink.head(status, headers, flow);
  }

  override respond(response: WholeResponse): void {
    this.sink.respond(response);
    this.#leave();
  }

  override end(trailers: RawHeaders): void {
    this.sink.end(trailers);
    this.#leave();
  }

  override upgrade(status: number, headers: RawHeaders, peer: Parameters<Sink['upgrade']>[2]): void {
    if (!this.#admission.becomeStream(this.caller, this.#limits)) {
      this.#leave();
      peer.destroy();
      this.sink.fail(tooManyStreams());
      return;
    }
    this.#state = 'stream';
    if (peer.closed) this.#leave();
    else {
      peer.once('close', () => {
        this.#leave();
      });
    }
    this.sink.upgrade(status, headers, peer);
  }

  override fail(error: GatewayError): void {
    // `overloaded` after admission means that no tunnel to the app was free; nothing was sent.
    if (this.#state === 'in flight' && error.code === 'overloaded') this.#refund();
    this.sink.fail(error);
    this.#leave();
  }

  get #isWaiting(): boolean {
    return this.#state === 'waiting';
  }

  /** Catches everything that is thrown; otherwise the place in flight would never be freed. */
  #begin(): void {
    this.#state = 'in flight';
    try {
      this.#next(this.#exchange, this);
    } catch (cause) {
      this.fail(internalError(cause));
    }
  }

  #leaveQueue(error: GatewayError): void {
    this.#stopWaiting();
    this.#admission.leaveQueue(this);
    this.#turnAway(error);
  }

  #turnAway(error: GatewayError): void {
    this.#refund();
    this.fail(error);
  }

  #refund(): void {
    refund(this.#parts.limiter, this.#exchange);
  }

  #stopWaiting(): void {
    this.#state = 'outside';
    if (this.#deadline === undefined) return;
    this.#parts.deadlines.disarm(this.#deadline);
    this.#exchange.cancellation.delete(this);
  }

  #leave(): void {
    const state = this.#state;
    this.#state = 'over';
    if (state === 'in flight') this.#admission.leave(this.caller);
    else if (state === 'stream') this.#admission.leaveStream(this.caller);
  }
}

function callerOf({ principal, destination, clientIp }: Exchange): Caller {
  return {
    key: principal === undefined || principal.kind === 'anonymous' ? undefined : principal.id,
    lease: destination?.lease.id ?? '',
    tenant: principal?.tenant,
    address: addressGroup(clientIp),
  };
}

function queueFull(): GatewayError {
  return overloaded(
    'The gateway is at its limit of concurrent requests, or this caller at its share, and the queue is full.',
  );
}

function tooManyStreams(): GatewayError {
  return overloaded('The gateway has reached its limit of concurrent streams, or the share of this caller.');
}

function overloaded(detail: string): GatewayError {
  return new GatewayError('overloaded', detail, { retryAfterSeconds: 1 });
}
