// Identifies the caller, and keeps its credential from the app. auth/ decides; this stage applies
// the decision to the exchange and reports it.
import type { AuthDecision, Authenticator } from '../../auth/authenticator.ts';
import type { KeyCredential } from '../../auth/credential.ts';
import { anonymous, type Principal } from '../../guard/principal.ts';
import { GatewayError, internalError } from '../../kernel/errors/gateway-error.ts';
import { authenticated, type Authenticated } from '../../kernel/events.ts';
import type { Sink } from '../../kernel/http/http.ts';
import { callerHeaders } from '../client/caller-headers.ts';
import { ChosenProtocol } from '../chosen-protocol.ts';
import { basicUse } from '../lease/basic-place.ts';
import { credentialsOf, isOpenLease, type KnownLeases } from '../lease/credential-place.ts';
import type { Dispatch, Exchange, Stage } from '../stage.ts';

export function authenticate(authenticator: Authenticator, directory: KnownLeases): Stage {
  return function authenticateStage(next): Dispatch {
    return function identifyCaller(exchange, sink) {
      // Set by `signIn`.
      if (exchange.principal !== undefined) {
        report('session', 'success');
        exchange.strippedHeaders.push(...authenticator.namesWithKeys(exchange.req.headers, exchange.policy));
        next(exchange, sink);
        return;
      }
      const { req, policy, clientIp, cancellation } = exchange;
      const place = credentialsOf(exchange, directory);
      const decision = authenticator.decide({
        headers: req.headers,
        upgrade: req.upgrade,
        policy,
        clientIp,
        place,
        basic: basicUse(exchange, place),
        isOpen: () => isOpenLease(exchange, directory),
        cancellation,
      });
      if (!(decision instanceof Promise)) {
        apply(decision, exchange, sink, next);
        return;
      }
      decision
        .then((late) => {
          apply(late, exchange, sink, next);
        })
        .catch((cause: unknown) => {
          sink.fail(internalError(cause));
        });
    };
  };
}

function apply(decision: AuthDecision, exchange: Exchange, sink: Sink, next: Dispatch): void {
  switch (decision.kind) {
    case 'key': {
      const { principal, credential, protocols, stripped } = decision;
      report('api_key', 'success');
      exchange.principal = principal;
      exchange.credentialField = credential.header;
      exchange.usesBasic = credential.basic === true;
      if (protocols !== undefined) offer(exchange, protocols);
      exchange.appHeaders.push(...headersOf(principal));
      forwardOrStrip(exchange, credential);
      exchange.strippedHeaders.push(...stripped);
      const isChosenHere = protocols === '' && credential.header === 'sec-websocket-protocol';
      next(exchange, isChosenHere ? new ChosenProtocol(sink, credential.key) : sink);
      return;
    }
    case 'anonymous':
      report('none', 'success');
      if (decision.protocols !== undefined) offer(exchange, decision.protocols);
      exchange.strippedHeaders.push(...decision.stripped);
      exchange.principal = anonymous;
      next(exchange, sink);
      return;
    case 'off':
      exchange.principal = anonymous;
      next(exchange, sink);
      return;
    case 'rejected':
      report(decision.method, decision.error.code);
      sink.fail(decision.error);
      return;
    case 'cancelled':
      sink.fail(new GatewayError('client_closed', 'The client left before its key was verified.'));
      return;
  }
}

function report(method: Authenticated['method'], outcome: Authenticated['outcome']): void {
  if (authenticated.hasSubscribers) authenticated.publish({ method, outcome } satisfies Authenticated);
}

/** Offers the app these subprotocols only; '' for none. */
function offer({ strippedHeaders, appHeaders }: Exchange, protocols: string): void {
  strippedHeaders.push('sec-websocket-protocol');
  if (protocols !== '') appHeaders.push('Sec-WebSocket-Protocol', protocols);
}

function forwardOrStrip({ policy, strippedHeaders, appHeaders }: Exchange, { header, key }: KeyCredential): void {
  if (policy.auth.forwardCredential) {
    // The client's own X-Gateway-* headers are removed later, so add it again.
    if (header === 'x-gateway-key') appHeaders.push('X-Gateway-Key', Buffer.from(key).toString('latin1'));
    return;
  }
  // offer() handled Sec-WebSocket-Protocol: it may offer more than the key.
  if (header !== 'sec-websocket-protocol') strippedHeaders.push(header);
}

const headers = new WeakMap<Principal, readonly string[]>();

/** Headers that identify the caller to the app. */
function headersOf(principal: Principal): readonly string[] {
  let known = headers.get(principal);
  if (known === undefined) {
    known = callerHeaders(principal);
    headers.set(principal, known);
  }
  return known;
}
