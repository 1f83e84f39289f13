// Owns the shape of the pipeline: what a request is to a stage, and what a stage is. A stage decides, answers or passes on;
// it never touches Node's req and res.
import type { Cancellation } from '../kernel/work/cancellation.ts';
import type { GatewayError } from '../kernel/errors/gateway-error.ts';
import type { RequestBody, RequestHead, Sink } from '../kernel/http/http.ts';
import type { Principal } from '../guard/principal.ts';
import type { LeaseSettings } from '../policy/lease-settings.ts';
import type { Policy, Timeouts } from '../policy/policy.ts';
import type { PeerRoute } from '../route/peer-path.ts';
import type { Lease, Transport } from '../upstream/transport.ts';
import type { AttemptInfo } from '../upstream/upstream-request.ts';

/** The lease that a request goes to, and the ways there. */
export interface Destination {
  readonly lease: Lease;
  /** The names that lead to it. */
  readonly names: readonly string[];
  /** Every name that a relay lists it by: rules for those that lead elsewhere can only forbid. */
  readonly claims: readonly string[];
  /** The relays that list the lease. */
  readonly transports: readonly Transport[];
  /** The `Host` that the app sees, and so knows itself by. */
  readonly host: string;
  /** What the policy sets for this lease alone. */
  readonly settings: LeaseSettings | undefined;
  readonly timeouts: Timeouts;
  /** The request has waited for the relays to list it. */
  readonly waited: boolean;
}

/** What became of a request so far: for whoever tells of it. */
interface RequestOutcome extends AttemptInfo {
  /** What the client was answered in place of the app's answer, or why that was cut. The server's to say. */
  fault: GatewayError | undefined;
}

export interface Exchange {
  readonly id: string;
  readonly kind: 'client' | 'background';
  /** Never changed: what the client sent. */
  readonly req: RequestHead;
  readonly body: RequestBody;
  readonly policy: Policy;
  /** Cancelled when the client is gone. */
  readonly cancellation: Cancellation;
  /** The same as a signal, made on first use: on the hot path prefer `cancellation`. */
  readonly signal: AbortSignal;
  /** Monotonic, when the head was complete. */
  readonly startedMs: number;
  readonly httpVersion: '1.0' | '1.1' | '2';
  /** The address at the other end of the connection, IPv4 where it is a mapped one; a proxy's, if there is one in front. */
  readonly peerIp: string;
  /** The connection itself comes from this machine. Never true of an address that a PROXY protocol header names. */
  readonly loopbackPeer: boolean;
  /** `https` when the client's connection is encrypted, as far as is known: a trusted proxy may say so. */
  scheme: 'http' | 'https';
  /** The host that the client meant. Undefined until settleClient() has found it; '' when the client named none. */
  authority: string | undefined;
  /** Names, in lower case, of received headers that are not for the app. */
  readonly withheld: string[];
  /** Headers of the gateway's own for the app: name, value, … */
  readonly appHeaders: string[];
  /** Headers of the gateway's own for the client, whoever makes the answer: name, value, … */
  readonly answerHeaders: string[];
  /** The client's, as far as is known: the peer's, until a trusted proxy says otherwise. */
  clientIp: string;
  /** The trusted proxies between the client and us, from the one that the client spoke to down to our peer. */
  proxies: readonly string[];
  /** Below which path a trusted proxy shows the gateway to the client. */
  outerPrefix: string;
  route: PeerRoute | undefined;
  principal: Principal | undefined;
  /** In lower case: the header whose credential counted. Undefined: the request showed none. */
  credentialField: string | undefined;
  destination: Destination | undefined;
  /** One for all forks. */
  readonly passage: RequestOutcome;
  /** A retry or a revalidation: same client, same body, another head. */
  fork(req: RequestHead, signal: AbortSignal): Exchange;
}

/** Calls exactly one terminal method of the sink. */
export type Dispatch = (exchange: Exchange, sink: Sink) => void;
export type Stage = (next: Dispatch) => Dispatch;
