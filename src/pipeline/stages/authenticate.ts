// Identifies the caller: finds the credential, has it verified, and does not forward it to the app.
// auth/ decides how a key is verified, and when it is worth a bcrypt.
import { formOf } from '../../auth/api-key.ts';
import type { Authenticator, AuthOutcome } from '../../auth/authenticator.ts';
import {
  chooseCredential,
  credentialFields,
  gatewayKeyOf,
  keyProtocol,
  type Credential,
  type KeyCredential,
} from '../../auth/credential.ts';
import { KeyRing } from '../../auth/key-ring.ts';
import { aclOf } from '../../guard/acl.ts';
import { anonymous, type Principal } from '../../guard/principal.ts';
import type { Clock } from '../../kernel/clock.ts';
import { GatewayError, internalError } from '../../kernel/errors/gateway-error.ts';
import { authenticated, type Authenticated } from '../../kernel/events.ts';
import type { Sink } from '../../kernel/http/http.ts';
import type { Steps } from '../../kernel/work/slices.ts';
import { addressSetSteps } from '../../policy/addresses.ts';
import { compiledInSteps } from '../../policy/compiled.ts';
import type { KeyPolicy, LeasePolicy } from '../../policy/policy.ts';
import { callerHeaders } from '../client/caller-headers.ts';
import { ChosenProtocol } from '../chosen-protocol.ts';
import { credentialsOf, isOpenLease, type KnownLeases } from '../credential-place.ts';
import type { Dispatch, Exchange, Stage } from '../stage.ts';

export interface AuthenticateParts {
  readonly authenticator: Authenticator;
  readonly clock: Clock;
  /** Records when keys were last used, if a key source does so. */
  readonly used?: ((id: string, wallMs: number) => void) | undefined;
}

const realm = 'Bearer realm="portal-gateway"';
const ringOf = compiledInSteps(({ auth }) => KeyRing.inSteps(auth.keys));
/** Address checks of the keys that have `allowed_cidrs`; most have none. */
const allowedOf = compiledInSteps(function* ({ auth }): Steps<ReadonlyMap<KeyPolicy, (ip: string) => boolean>> {
  const allowed = new Map<KeyPolicy, (ip: string) => boolean>();
  for (const key of auth.keys) {
    if (key.allowedCidrs.length > 0) allowed.set(key, yield* addressSetSteps(key.allowedCidrs));
    yield;
  }
  return allowed;
});

interface Caller {
  readonly principal: Principal;
  /** Headers that identify the caller to the app. */
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

export function authenticate({ authenticator, clock, used }: AuthenticateParts, directory: KnownLeases): Stage {
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
      exchange.credentialField = credential.header;
      exchange.appHeaders.push(...headers);
      forwardOrWithhold(exchange, credential);
      next(exchange, sink);
    }

    function verify(exchange: Exchange, sink: Sink, credential: KeyCredential): void {
      const { policy, clientIp: address, cancellation } = exchange;
      const outcome = authenticator.authenticate({
        key: credential.key,
        ring: ringOf(policy),
        address,
        cacheTtlMs: policy.auth.cacheTtlMs,
        isCancelled: () => cancellation.cancelled,
      });
      if (!(outcome instanceof Promise)) {
        proceed(exchange, sink, outcome, credential);
        return;
      }
      outcome
        .then((late) => {
          if (cancellation.cancelled) sink.fail(left());
          else proceed(exchange, sink, late, credential);
        })
        .catch((cause: unknown) => {
          sink.fail(internalError(cause));
        });
    }

    function proceed(exchange: Exchange, sink: Sink, outcome: AuthOutcome, credential: KeyCredential): void {
      if (outcome.kind === 'key') admit(exchange, sink, outcome.key, credential);
      else refuse(sink, 'api_key', refusalOf(outcome, credential));
    }

    return function checkCredential(exchange, outer) {
      const { policy } = exchange;
      if (!policy.auth.enabled) {
        exchange.principal = anonymous;
        next(exchange, outer);
        return;
      }
      const place = credentialsOf(exchange, directory);
      const { credential, sink } = findCredential(exchange, outer, place);
      switch (credential.kind) {
        case 'none':
          // When no lease is open to everyone, reject here: no admission or look-up for callers
          // without a credential.
          if (!aclOf(policy).admitsAnonymous) {
            refuse(sink, 'none', missing(exchange, place));
            return;
          }
          // `authorise` decides what anonymous callers may do.
          tell('none', 'success');
          exchange.principal = anonymous;
          next(exchange, sink);
          return;
        case 'unusable':
          refuse(
            sink,
            'other',
            invalid(`\`Authorization\` must be \`Bearer\` and a key of this gateway. ${forTheApp}`),
          );
          return;
        case 'ambiguous':
          refuse(
            sink,
            'other',
            new GatewayError('invalid_request', 'A header that carries a credential is there twice, or holds two.'),
          );
          return;
        case 'two':
          refuse(
            sink,
            'api_key',
            new GatewayError('invalid_request', 'The request carries two keys of this gateway: send one.'),
          );
          return;
        case 'key':
          verify(exchange, sink, credential);
          return;
      }
    };

    /**
     * Returns the credential and the sink: a ChosenProtocol for a WebSocket that offered its key as
     * the only subprotocol.
     */
    function findCredential(
      exchange: Exchange,
      sink: Sink,
      place: LeasePolicy['credentials'],
    ): { readonly credential: Credential; readonly sink: Sink } {
      const { policy, req } = exchange;
      const fields = credentialFields(req.headers);
      if (place === 'app') return { credential: gatewayKeyOf(fields), sink };
      const credential = chooseCredential(fields, {
        upgrade: req.upgrade,
        isOpen: () => isOpenLease(exchange, directory),
        claimOf: (token) => authenticator.claimOf(token, ringOf(policy), policy.auth.cacheTtlMs),
      });
      const { protocols } = fields;
      if (protocols === undefined || policy.auth.forwardCredential) return { credential, sink };
      exchange.strippedHeaders.push('sec-websocket-protocol');
      if (protocols !== '') exchange.appHeaders.push('Sec-WebSocket-Protocol', protocols);
      else if (credential.kind === 'key' && credential.header === 'sec-websocket-protocol') {
        return { credential, sink: new ChosenProtocol(sink, credential.key) };
      }
      return { credential, sink };
    }
  };
}

function forwardOrWithhold({ policy, strippedHeaders, appHeaders }: Exchange, { header, key }: KeyCredential): void {
  if (policy.auth.forwardCredential) {
    // The client's own X-Gateway-* headers are removed later, so add it again.
    if (header === 'x-gateway-key') appHeaders.push('X-Gateway-Key', Buffer.from(key).toString('latin1'));
    return;
  }
  // findCredential() handled Sec-WebSocket-Protocol: it may offer more than the key.
  if (header !== 'sec-websocket-protocol') strippedHeaders.push(header);
}

function tell(method: Authenticated['method'], outcome: Authenticated['outcome']): void {
  if (authenticated.hasSubscribers) authenticated.publish({ method, outcome } satisfies Authenticated);
}

function refuse(sink: Sink, method: Authenticated['method'], error: GatewayError): void {
  tell(method, error.code);
  sink.fail(error);
}

function refusalOf(outcome: Exclude<AuthOutcome, { readonly kind: 'key' }>, credential: KeyCredential): GatewayError {
  switch (outcome.kind) {
    case 'unknown':
      return invalid(unknownKeyDetail(credential));
    case 'overloaded':
      return new GatewayError('overloaded', 'Too many keys wait to be verified.', { retryAfterSeconds: 1 });
    case 'throttled':
      return new GatewayError('rate_limited', 'Too many credentials from here were wrong.', {
        retryAfterSeconds: Math.max(1, Math.ceil(outcome.retryAfterMs / 1000)),
      });
  }
}

const shownNames = {
  'x-gateway-key': 'X-Gateway-Key',
  'x-api-key': 'X-API-Key',
  authorization: 'Authorization',
  'sec-websocket-protocol': 'Sec-WebSocket-Protocol',
};
const forTheApp = 'If it is for the app, send the key of the gateway as `X-Gateway-Key` beside it.';

/** Depends only on the client's input, so that it reveals nothing about the configured keys. */
function unknownKeyDetail({ key, header }: KeyCredential): string {
  const place = `\`${shownNames[header]}\``;
  if (key === '') return `${place} is empty.`;
  if (header !== 'authorization' && /^bearer\s/i.test(key)) return `${place} takes the key alone, without \`Bearer\`.`;
  switch (formOf(key)) {
    case 'ours':
      return 'The API key is not valid here: it is unknown or revoked.';
    case 'mistyped':
      return 'The API key is mistyped: its last 6 characters do not fit the others.';
    case 'foreign':
      if (/^sk_(?:live|test)_/.test(key))
        return 'The API key is incomplete, or has characters that do not belong to it.';
      if (header === 'x-api-key' || header === 'authorization') {
        return `The credential in ${place} is not a key of this gateway. ${forTheApp}`;
      }
      return `The credential in ${place} is not a key of this gateway.`;
  }
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

/** RFC 6750 §3: without a credential, the challenge has no error code. */
export function missing({ req }: Exchange, place: LeasePolicy['credentials'] = 'gateway'): GatewayError {
  const places = ['`Authorization: Bearer`', '`X-API-Key`', '`X-Gateway-Key`'];
  if (req.upgrade) places.push(`the subprotocol \`${keyProtocol('KEY')}\``);
  const last = places.pop() ?? '';
  const detail = `Send an API key as ${place === 'app' ? '`X-Gateway-Key`' : `${places.join(', ')} or ${last}`}.`;
  return new GatewayError('missing_credentials', detail, { headers: ['WWW-Authenticate', realm] });
}

function left(): GatewayError {
  return new GatewayError('client_closed', 'The client left before its key was verified.');
}
