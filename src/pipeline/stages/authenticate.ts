// Owns who calls: finds the credential, has it verified, and keeps it from the app. The order of look-up and the codes are those of the
// contract (§2, §5); how a key is verified is auth/'s.
import { GatewayError } from '../../kernel/errors.ts';
import { authenticated, type Authenticated } from '../../kernel/events.ts';
import type { Sink } from '../../kernel/http.ts';
import { addressSet } from '../../policy/addresses.ts';
import { compiled } from '../../policy/compiled.ts';
import type { KeyPolicy } from '../../policy/policy.ts';
import { findCredential, type KeyCredential } from '../../auth/credential.ts';
import type { FailurePenalty } from '../../auth/failure-penalty.ts';
import { KeyRing } from '../../auth/key-ring.ts';
import type { KeyAnswer, KeyVerifier } from '../../auth/key-verifier.ts';
import { TriesUnderWay } from '../../auth/tries-under-way.ts';
import { aclOf } from '../../guard/acl.ts';
import { anonymous, type Principal } from '../../guard/principal.ts';
import type { Clock } from '../../kernel/clock.ts';
import { callerHeaders } from '../caller-headers.ts';
import { ChosenProtocol } from '../chosen-protocol.ts';
import type { Dispatch, Exchange, Stage } from '../stage.ts';
import { failed } from './failed.ts';

export interface AuthenticateParts {
  readonly verifier: KeyVerifier;
  readonly penalty: FailurePenalty;
  readonly clock: Clock;
  /** Who keeps when keys were used last, if anybody does. */
  readonly used?: ((id: string, wallMs: number) => void) | undefined;
}

const realm = 'Bearer realm="portal-gateway"';
const ringOf = compiled(({ auth }) => new KeyRing(auth.keys));
/** Per key: most have no addresses of their own. */
const allowedOf = compiled(
  ({ auth }) =>
    new Map(
      auth.keys
        .filter(({ allowedCidrs }) => allowedCidrs.length > 0)
        .map((key) => [key, addressSet(key.allowedCidrs)] as const),
    ),
);

interface Caller {
  readonly principal: Principal;
  /** What the app is told of him. */
  readonly headers: readonly string[];
}

const callers = new WeakMap<KeyPolicy, Caller>();

function callerOf(key: KeyPolicy): Caller {
  let caller = callers.get(key);
  if (caller === undefined) {
    const principal: Principal = { id: key.id, kind: 'key', scopes: key.scopes };
    caller = { principal, headers: callerHeaders(principal) };
    callers.set(key, caller);
  }
  return caller;
}

export function authenticate({ verifier, penalty, clock, used }: AuthenticateParts): Stage {
  const tries = new TriesUnderWay();

  return function authenticateStage(next): Dispatch {
    function admit(exchange: Exchange, sink: Sink, key: KeyPolicy, credential: KeyCredential): void {
      const nowMs = clock.wallMs();
      const fault = keyFault(exchange, key, nowMs);
      if (fault !== undefined) {
        refuse(sink, 'api_key', fault);
        return;
      }
      tell('api_key', 'success');
      used?.(key.id, nowMs);
      const { principal, headers } = callerOf(key);
      exchange.principal = principal;
      exchange.appHeaders.push(...headers);
      // Sec-WebSocket-Protocol was taken care of: it may offer more than the key.
      if (!exchange.policy.auth.forwardCredential && credential.header !== 'sec-websocket-protocol') {
        exchange.withheld.push(credential.header);
      }
      next(exchange, sink);
    }

    function verify(exchange: Exchange, sink: Sink, credential: KeyCredential): void {
      // Counted before bcrypt is asked, so that many at once are no way around it. Many with one key are one try until it is
      // known to be wrong: the first requests of a caller with many connections.
      const ring = ringOf(exchange.policy);
      const joins = verifier.isUnderWay(credential.key, ring);
      const retryAfterMs = joins ? 0 : penalty.begin(exchange.clientIp, credential.key);
      if (retryAfterMs > 0) {
        waitOrFail(exchange, sink, credential, retryAfterMs);
        return;
      }
      if (!joins) tries.begin(exchange.clientIp);
      verifier
        .verify(credential.key, ring)
        .then((answer) => {
          const wrong = answer.kind === 'unknown';
          if (wrong && joins) penalty.begin(exchange.clientIp, credential.key);
          else if (!wrong && !joins) penalty.forgive(exchange.clientIp, credential.key);
          if (!joins) tries.end(exchange.clientIp);
          if (exchange.cancellation.cancelled) sink.fail(left());
          else proceed(exchange, sink, answer, credential);
        })
        .catch((cause: unknown) => {
          sink.fail(failed(cause));
        });
    }

    /** What counts against the address may be others' tries, which turn out right. */
    function waitOrFail(exchange: Exchange, sink: Sink, credential: KeyCredential, retryAfterMs: number): void {
      const turn = tries.next(exchange.clientIp);
      if (turn === undefined) {
        refuse(sink, 'api_key', slowed(retryAfterMs));
        return;
      }
      turn
        .then(() => {
          if (exchange.cancellation.cancelled) sink.fail(left());
          else ask(exchange, sink, credential);
        })
        .catch((cause: unknown) => {
          sink.fail(failed(cause));
        });
    }

    function ask(exchange: Exchange, sink: Sink, credential: KeyCredential): void {
      const { policy } = exchange;
      const known = verifier.known(credential.key, ringOf(policy), policy.auth.cacheTtlMs);
      if (known === undefined) verify(exchange, sink, credential);
      else if (known.kind === 'unknown') refuseUnasked(exchange, sink, credential);
      else proceed(exchange, sink, known, credential);
    }

    function proceed(exchange: Exchange, sink: Sink, answer: KeyAnswer, credential: KeyCredential): void {
      switch (answer.kind) {
        case 'key':
          admit(exchange, sink, answer.key, credential);
          return;
        case 'unknown':
          refuse(sink, 'api_key', invalid('The API key is not valid here.'));
          return;
        case 'overloaded':
          refuse(
            sink,
            'api_key',
            new GatewayError('overloaded', 'Too many keys wait to be verified.', { retryAfterSeconds: 1 }),
          );
          return;
      }
    }

    return function checkCredential(exchange, outer) {
      let sink = outer;
      const { policy, req } = exchange;
      if (!policy.auth.enabled) {
        exchange.principal = anonymous;
        next(exchange, sink);
        return;
      }
      const { credential, protocols } = findCredential(req.headers, req.upgrade);
      if (protocols !== undefined && !policy.auth.forwardCredential) {
        exchange.withheld.push('sec-websocket-protocol');
        if (protocols !== '') exchange.appHeaders.push('Sec-WebSocket-Protocol', protocols);
        else if (credential.kind === 'key' && credential.header === 'sec-websocket-protocol') {
          sink = new ChosenProtocol(sink, credential.key);
        }
      }
      switch (credential.kind) {
        case 'none':
          // Where nothing is open to everyone, nobody without a credential takes a place or a look-up.
          if (!aclOf(policy).admitsAnonymous) {
            refuse(sink, 'none', missing());
            return;
          }
          // What anonymous may do is authorise's to say.
          tell('none', 'success');
          exchange.principal = anonymous;
          next(exchange, sink);
          return;
        case 'unusable':
          refuse(sink, 'other', invalid('Only Bearer credentials are taken.'));
          return;
        case 'ambiguous':
          refuse(sink, 'other', new GatewayError('invalid_request', 'The request carries more than one credential.'));
          return;
        case 'key': {
          const { beside } = credential;
          if (beside !== undefined && isOurs(beside, ringOf(policy), policy.auth.cacheTtlMs)) {
            refuse(
              sink,
              'api_key',
              new GatewayError('invalid_request', 'The request carries two keys of this gateway.'),
            );
            return;
          }
          ask(exchange, sink, credential);
          return;
        }
      }
    };

    /**
     * Whether what stands beside the credential is no app's token but a key of this gateway. No bcrypt is spent on it, as apps have
     * tokens of their own on every request: a key made elsewhere is told only once it was verified here.
     */
    function isOurs(token: string, ring: KeyRing, cacheTtlMs: number): boolean {
      return ring.hasHandleOf(token) || verifier.known(token, ring, cacheTtlMs)?.kind === 'key';
    }

    /** No bcrypt was needed to tell; it counts as a failure all the same. */
    function refuseUnasked(exchange: Exchange, sink: Sink, credential: KeyCredential): void {
      const retryAfterMs = penalty.begin(exchange.clientIp, credential.key);
      refuse(sink, 'api_key', retryAfterMs > 0 ? slowed(retryAfterMs) : invalid('The API key is not valid here.'));
    }
  };
}

function tell(method: Authenticated['method'], outcome: Authenticated['outcome']): void {
  if (authenticated.hasSubscribers) authenticated.publish({ method, outcome } satisfies Authenticated);
}

function refuse(sink: Sink, method: Authenticated['method'], error: GatewayError): void {
  tell(method, error.code);
  sink.fail(error);
}

function keyFault(exchange: Exchange, key: KeyPolicy, nowMs: number): GatewayError | undefined {
  if (key.expiresAtMs !== undefined && nowMs >= key.expiresAtMs) {
    return new GatewayError('expired_credentials', 'The API key has expired.', { headers: challenge('invalid_token') });
  }
  if (key.notBeforeMs !== undefined && nowMs < key.notBeforeMs) return invalid('The API key is not valid yet.');
  const isAllowed = allowedOf(exchange.policy).get(key);
  if (isAllowed !== undefined && !isAllowed(exchange.clientIp)) {
    return new GatewayError('ip_denied', 'The API key may not be used from this address.');
  }
  return undefined;
}

function invalid(detail: string): GatewayError {
  return new GatewayError('invalid_credentials', detail, { headers: challenge('invalid_token') });
}

function challenge(error: string): string[] {
  return ['WWW-Authenticate', `${realm}, error="${error}"`];
}

/** RFC 6750 §3: who showed no credential is told no error. */
export function missing(): GatewayError {
  return new GatewayError('missing_credentials', 'Send an API key as `Authorization: Bearer` or `X-API-Key`.', {
    headers: ['WWW-Authenticate', realm],
  });
}

function slowed(retryAfterMs: number): GatewayError {
  return new GatewayError('rate_limited', 'Too many credentials from here were wrong.', {
    retryAfterSeconds: Math.max(1, Math.ceil(retryAfterMs / 1000)),
  });
}

function left(): GatewayError {
  return new GatewayError('client_closed', 'The client left before its key was verified.');
}
