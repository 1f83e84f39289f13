// The types of the pipeline: the exchange that stages work on, and the stage itself. A stage
// decides, responds or passes the request on; it never touches Node's req and res.
import type { Cancellation } from '../kernel/work/cancellation.ts';
import type { GatewayError } from '../kernel/errors/gateway-error.ts';
import type { RequestBody, RequestHead, Sink } from '../kernel/http/http.ts';
import type { Principal } from '../guard/principal.ts';
import type { LeaseSettings } from '../policy/lease-settings.ts';
import type { Policy, Timeouts } from '../policy/policy.ts';
import type { PeerRoute } from '../route/peer-path.ts';
import type { Lease, Transport } from '../upstream/transport.ts';
import type { AttemptInfo } from '../upstream/upstream-request.ts';

/** The lease that a request goes to, and the relays that lead to it. */
export interface Destination {
  readonly lease: Lease;
  /** The names that resolve to it. */
  readonly names: readonly string[];
  /**
   * Every name that a relay lists it under. Rules for names that resolve to another lease can only
   * deny.
   */
  readonly claims: readonly string[];
  /** The relays that list the lease. */
  readonly transports: readonly Transport[];
  /** The `Host` that the app receives. */
  readonly host: string;
  /** The policy settings for this lease. */
  readonly settings: LeaseSettings | undefined;
  readonly timeouts: Timeouts;
  /** Whether the request waited for the relays to list the lease. */
  readonly waited: boolean;
}

/** What has happened to a request so far, for logs and metrics. */
interface RequestOutcome extends AttemptInfo {
  /**
   * The error sent instead of the app's response, or the reason why the response was cut off. Set
   * by the server's sink.
   */
  fault: GatewayError | undefined;
}

/**
 * One request and its state. The server sets the readonly fields when it creates the exchange; the
 * others name the stages that set them, which are the only ones that write to them.
 */
export interface Exchange {
  readonly id: string;
  readonly kind: 'client' | 'background';
  /** The request as the client sent it. Never changed. */
  readonly req: RequestHead;
  readonly body: RequestBody;
  readonly policy: Policy;
  /** Cancelled by the server when the client disconnects, and by `totalTimeout`. */
  readonly cancellation: Cancellation;
  /** The same as a signal, created on first use: on the hot path prefer `cancellation`. */
  readonly signal: AbortSignal;
  /** Monotonic time at which the head was complete. */
  readonly startedMs: number;
  readonly httpVersion: '1.0' | '1.1' | '2';
  /** Address of the connection's peer, which may be a proxy. IPv4 for an IPv4-mapped address. */
  readonly peerIp: string;
  /**
   * The connection itself comes from this machine. Never true for an address from a PROXY protocol
   * header.
   */
  readonly loopbackPeer: boolean;
  /**
   * `https` when the client's connection is encrypted, as far as is known. Set by the server from
   * the connection; by `clientAddress` when a trusted proxy reports another.
   */
  scheme: 'http' | 'https';
  /**
   * The host that the client requested; '' when it sent none. Set by `clientAddress`; undefined
   * before, unless an earlier use has settled the client (resolveClient()).
   */
  authority: string | undefined;
  /**
   * Names, in lower case, of received headers that are not forwarded to the app. Added to by the
   * server, `signIn` and `authenticate`, read by `forward`.
   */
  readonly strippedHeaders: string[];
  /**
   * Headers that the gateway adds for the app: name, value, … Added to by `signIn` and
   * `authenticate`, read by `forward`.
   */
  readonly appHeaders: string[];
  /**
   * Headers that the gateway adds for the client, in responses of the app and of the gateway: name,
   * value, … Added to by `requestId`, `ipRatePrecheck` and `limits`, read by the server's sink.
   */
  readonly responseHeaders: string[];
  /**
   * The client's address. Set by the server to the peer's; by `clientAddress` when a trusted proxy
   * reports another.
   */
  clientIp: string;
  /**
   * The trusted proxies between the client and us, from the one that the client connected to down
   * to our peer. Set by `clientAddress`.
   */
  proxies: readonly string[];
  /** The path under which a trusted proxy exposes the gateway. Set by `clientAddress`. */
  outerPrefix: string;
  /** The lease that the request names, and how. Set by `matchRoute`. */
  route: PeerRoute | undefined;
  /** The caller. Set by `signIn` or `authenticate`. */
  principal: Principal | undefined;
  /**
   * In lower case: the header of the credential in use. Undefined: the request had none. Set by
   * `authenticate`.
   */
  credentialField: string | undefined;
  /** The credential in use is the password of Basic. Set by `authenticate`. */
  usesBasic: boolean;
  /** The cookie of a browser session identifies the caller. Set by `signIn`. */
  usesSession: boolean;
  /**
   * Set by `resolveLease`; by `forward` when the lease has moved to another id in the meantime.
   */
  destination: Destination | undefined;
  /** Shared by all forks. Its fields are set by the upstream and the server's sink. */
  readonly outcome: RequestOutcome;
  /** A second request for the same client: same body, another head. No stage uses it yet. */
  fork(req: RequestHead, signal: AbortSignal): Exchange;
}

/** Must call exactly one terminal method of the sink. */
export type Dispatch = (exchange: Exchange, sink: Sink) => void;
export type Stage = (next: Dispatch) => Dispatch;
