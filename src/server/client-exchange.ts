// Owns a client's request as the stages see it. Reads Node's request once; never writes.
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { Cancellation } from '../kernel/cancellation.ts';
import type { RawHeaders, RequestBody, RequestHead } from '../kernel/http.ts';
import type { Exchange } from '../pipeline/stage.ts';
import type { Policy } from '../policy/policy.ts';
import { bodyOf } from './client-request.ts';

class ClientHead implements RequestHead {
  readonly method: string;
  readonly target: string;
  readonly headers: RawHeaders;
  readonly upgrade: boolean;

  constructor(request: IncomingMessage, upgrade: boolean) {
    this.method = request.method ?? '';
    this.target = request.url ?? '';
    this.headers = request.rawHeaders;
    this.upgrade = upgrade;
  }
}

/** Everything that is one for a request, however often it is forked. */
interface Shared {
  readonly id: string;
  readonly body: RequestBody;
  readonly policy: Policy;
  readonly startedMs: number;
  readonly httpVersion: Exchange['httpVersion'];
  readonly peerIp: string;
  readonly scheme: 'http' | 'https';
  readonly answerHeaders: string[];
  readonly passage: Exchange['passage'];
}

export class ClientExchange implements Exchange {
  readonly id: string;
  readonly kind = 'client';
  readonly req: RequestHead;
  readonly body: RequestBody;
  readonly policy: Policy;
  readonly cancellation: Cancellation = new Cancellation();
  readonly startedMs: number;
  readonly httpVersion: Exchange['httpVersion'];
  readonly peerIp: string;
  scheme: 'http' | 'https';
  readonly withheld: string[] = [];
  readonly answerHeaders: string[];
  readonly passage: Exchange['passage'];
  clientIp: string;
  route: Exchange['route'] = undefined;
  principal: Exchange['principal'] = undefined;
  destination: Exchange['destination'] = undefined;

  private constructor(req: RequestHead, shared: Shared) {
    this.id = shared.id;
    this.req = req;
    this.body = shared.body;
    this.policy = shared.policy;
    this.startedMs = shared.startedMs;
    this.httpVersion = shared.httpVersion;
    this.peerIp = shared.peerIp;
    this.scheme = shared.scheme;
    this.answerHeaders = shared.answerHeaders;
    this.passage = shared.passage;
    this.clientIp = shared.peerIp;
  }

  static of(request: IncomingMessage, policy: Policy, upgrade: boolean): ClientExchange {
    return new ClientExchange(new ClientHead(request, upgrade), {
      id: randomUUID(),
      body: bodyOf(request),
      policy,
      startedMs: performance.now(),
      httpVersion: request.httpVersionMinor === 0 ? '1.0' : '1.1',
      peerIp: ipv4Of(request.socket.remoteAddress ?? ''),
      scheme: 'http',
      answerHeaders: [],
      passage: { relay: undefined, startedMs: 0 },
    });
  }

  get signal(): AbortSignal {
    return this.cancellation.signal;
  }

  fork(req: RequestHead, signal: AbortSignal): ClientExchange {
    const forked = new ClientExchange(req, this);
    forked.clientIp = this.clientIp;
    forked.withheld.push(...this.withheld);
    forked.route = this.route;
    forked.principal = this.principal;
    forked.destination = this.destination;
    const { cancellation } = forked;
    this.cancellation.add(cancellation);
    if (signal.aborted) cancellation.cancel();
    else {
      signal.addEventListener(
        'abort',
        () => {
          cancellation.cancel();
        },
        { once: true },
      );
    }
    return forked;
  }
}

/** A dual-stack listener shows IPv4 clients as ::ffff:192.0.2.1. */
function ipv4Of(address: string): string {
  return address.startsWith('::ffff:') ? address.slice(7) : address;
}
