// A client's request as the stages see it, and the state that it shares with its forks.
import { randomUUID } from 'node:crypto';
import { Cancellation } from '../kernel/work/cancellation.ts';
import type { RequestBody, RequestHead } from '../kernel/http/http.ts';
import type { Exchange } from '../pipeline/stage.ts';
import type { Policy } from '../policy/policy.ts';
import type { Peer } from './listen/peer.ts';

/** A request as received, in any HTTP version. */
export interface Received {
  readonly req: RequestHead;
  readonly body: RequestBody;
  readonly httpVersion: Exchange['httpVersion'];
  readonly peer: Peer;
  /** Monotonic, when its head was complete. */
  readonly startedMs: number;
}

const noProxies: readonly string[] = Object.freeze([]);

/** The properties that all forks of a request have in common. */
interface Shared {
  readonly id: string;
  readonly body: RequestBody;
  readonly policy: Policy;
  readonly startedMs: number;
  readonly httpVersion: Exchange['httpVersion'];
  readonly peerIp: string;
  readonly loopbackPeer: boolean;
  readonly scheme: 'http' | 'https';
  readonly responseHeaders: string[];
  readonly outcome: Exchange['outcome'];
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
  readonly loopbackPeer: boolean;
  scheme: 'http' | 'https';
  authority: string | undefined = undefined;
  readonly strippedHeaders: string[] = [];
  readonly appHeaders: string[] = [];
  readonly responseHeaders: string[];
  readonly outcome: Exchange['outcome'];
  clientIp: string;
  proxies: readonly string[] = noProxies;
  outerPrefix = '';
  route: Exchange['route'] = undefined;
  principal: Exchange['principal'] = undefined;
  credentialField: Exchange['credentialField'] = undefined;
  usesBasic = false;
  usesSession = false;
  destination: Exchange['destination'] = undefined;

  private constructor(req: RequestHead, shared: Shared) {
    this.id = shared.id;
    this.req = req;
    this.body = shared.body;
    this.policy = shared.policy;
    this.startedMs = shared.startedMs;
    this.httpVersion = shared.httpVersion;
    this.peerIp = shared.peerIp;
    this.loopbackPeer = shared.loopbackPeer;
    this.scheme = shared.scheme;
    this.responseHeaders = shared.responseHeaders;
    this.outcome = shared.outcome;
    this.clientIp = shared.peerIp;
  }

  static of({ req, body, httpVersion, peer, startedMs }: Received, policy: Policy): ClientExchange {
    return new ClientExchange(req, {
      id: randomUUID(),
      body,
      policy,
      startedMs,
      httpVersion,
      peerIp: peer.ip,
      loopbackPeer: peer.loopback,
      scheme: peer.encrypted ? 'https' : 'http',
      responseHeaders: [],
      outcome: { relay: undefined, startedMs: 0, fault: undefined },
    });
  }

  get signal(): AbortSignal {
    return this.cancellation.signal;
  }

  fork(req: RequestHead, signal: AbortSignal): ClientExchange {
    const forked = new ClientExchange(req, this);
    forked.scheme = this.scheme;
    forked.authority = this.authority;
    forked.clientIp = this.clientIp;
    forked.proxies = this.proxies;
    forked.outerPrefix = this.outerPrefix;
    forked.strippedHeaders.push(...this.strippedHeaders);
    forked.appHeaders.push(...this.appHeaders);
    forked.route = this.route;
    forked.principal = this.principal;
    forked.credentialField = this.credentialField;
    forked.usesBasic = this.usesBasic;
    forked.usesSession = this.usesSession;
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
