// Decides who makes a request: which of its credentials counts, whether the key in it is accepted,
// and otherwise which error the caller gets. Does not decide what a caller may do, and sends
// nothing.
import { aclOf } from '../guard/acl.ts';
import type { Principal } from '../guard/principal.ts';
import type { Clock } from '../kernel/clock.ts';
import type { GatewayError } from '../kernel/errors/gateway-error.ts';
import type { Authenticated } from '../kernel/events.ts';
import type { RawHeaders } from '../kernel/http/http.ts';
import type { Cancellation } from '../kernel/work/cancellation.ts';
import type { Steps } from '../kernel/work/slices.ts';
import { addressSetSteps } from '../policy/addresses.ts';
import { compiledInSteps } from '../policy/compiled.ts';
import type { KeyPolicy, LeasePolicy, Policy } from '../policy/policy.ts';
import type { BasicUse } from './basic-use.ts';
import {
  expiredKey,
  keyAddressDenied,
  malformedCredentials,
  missingCredentials,
  notYetValidKey,
  unverifiedKey,
} from './credential-errors.ts';
import {
  chooseCredential,
  credentialFields,
  gatewayKeyOf,
  type Credential,
  type CredentialFields,
  type KeyCredential,
} from './credential.ts';
import { KeyRing } from './key-ring.ts';
import type { ThrottledVerifier, VerifyOutcome } from './throttled-verifier.ts';

export interface AuthRequest {
  readonly headers: RawHeaders;
  /** The request may open a WebSocket. */
  readonly upgrade: boolean;
  readonly policy: Policy;
  /** Address of the client. */
  readonly clientIp: string;
  /** The headers in which the lease accepts a key: any, or only the gateway's own. */
  readonly place: LeasePolicy['credentials'];
  /** Whether the lease needs no credential. Called only when the choice depends on it. */
  readonly isOpen: () => boolean;
  readonly basic: BasicUse;
  readonly cancellation: Pick<Cancellation, 'cancelled'>;
}

/** How the request differs for the app, so that it gets no key. */
interface ForApp {
  /** The subprotocols to offer instead of the client's, '' for none; undefined: the client's. */
  readonly protocols: string | undefined;
  /** Lower-case names of headers, beside that of the credential in use, that hold another key. */
  readonly stripped: readonly string[];
}

/** `method`: the type of the credential, for the `authenticated` event. */
export type AuthDecision =
  /** Authentication is off. */
  | { readonly kind: 'off' }
  /** No credential. Authorisation decides what anonymous callers may do. */
  | ({ readonly kind: 'anonymous' } & ForApp)
  | ({ readonly kind: 'key'; readonly principal: Principal; readonly credential: KeyCredential } & ForApp)
  | { readonly kind: 'rejected'; readonly method: Authenticated['method']; readonly error: GatewayError }
  /** The client left while its key was being verified. */
  | { readonly kind: 'cancelled' };

export interface AuthenticatorOptions {
  readonly verifier: ThrottledVerifier;
  readonly clock: Clock;
  /** Records when keys were last used, if a key source does so. */
  readonly used?: ((id: string, wallMs: number) => void) | undefined;
}

const off: AuthDecision = { kind: 'off' };
const cancelled: AuthDecision = { kind: 'cancelled' };

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

export class Authenticator {
  readonly #verifier: ThrottledVerifier;
  readonly #clock: Clock;
  readonly #used: AuthenticatorOptions['used'];

  constructor({ verifier, clock, used }: AuthenticatorOptions) {
    this.#verifier = verifier;
    this.#clock = clock;
    this.#used = used;
  }

  /**
   * Returns synchronously where no bcrypt is needed, which is nearly always. The promise never
   * rejects because of the client's input.
   */
  decide(request: AuthRequest): AuthDecision | Promise<AuthDecision> {
    const { policy, upgrade, place, basic } = request;
    if (!policy.auth.enabled) return off;
    const fields = credentialFields(request.headers);
    const credential = this.#choose(fields, request);
    switch (credential.kind) {
      case 'key': {
        // Before the key is verified, so that pages can neither test keys nor use up verifications.
        const error = credential.basic === true ? basic.refusal() : undefined;
        if (error !== undefined) return { kind: 'rejected', method: 'api_key', error };
        return this.#verify(request, fields, credential);
      }
      case 'none':
        // When no lease is open to everyone, reject here: no admission or look-up for callers
        // without a credential.
        if (aclOf(policy).admitsAnonymous) return { kind: 'anonymous', ...this.#forApp(request, fields, undefined) };
        return { kind: 'rejected', method: 'none', error: missingCredentials({ upgrade, place, basic }) };
      case 'two':
        return { kind: 'rejected', method: 'api_key', error: malformedCredentials(credential, basic) };
      case 'unusable':
      case 'ambiguous':
        return { kind: 'rejected', method: 'other', error: malformedCredentials(credential, basic) };
    }
  }

  #choose(fields: CredentialFields, { upgrade, policy, place, isOpen, basic }: AuthRequest): Credential {
    if (place === 'app') return gatewayKeyOf(fields);
    return chooseCredential(fields, {
      upgrade,
      isOpen,
      basic: basic.accepted,
      claimOf: (token) => this.#verifier.claimOf(token, ringOf(policy), policy.auth.cacheTtlMs),
      holdsKey: (value) => this.#verifier.holdsKey(value, ringOf(policy), policy.auth.cacheTtlMs, 'any'),
    });
  }

  #verify(
    request: AuthRequest,
    fields: CredentialFields,
    credential: KeyCredential,
  ): AuthDecision | Promise<AuthDecision> {
    const { policy, clientIp, cancellation } = request;
    const outcome = this.#verifier.verify({
      key: credential.key,
      ring: ringOf(policy),
      address: clientIp,
      cacheTtlMs: policy.auth.cacheTtlMs,
      cancellation,
    });
    if (!(outcome instanceof Promise)) return this.#conclude(request, fields, credential, outcome);
    return outcome.then((late) =>
      cancellation.cancelled ? cancelled : this.#conclude(request, fields, credential, late),
    );
  }

  #conclude(
    request: AuthRequest,
    fields: CredentialFields,
    credential: KeyCredential,
    outcome: VerifyOutcome,
  ): AuthDecision {
    if (outcome.kind !== 'key') {
      return { kind: 'rejected', method: 'api_key', error: unverifiedKey(outcome, credential, request.basic) };
    }
    const { key } = outcome;
    const nowMs = this.#clock.wallMs();
    const error = conditionFault(key, request, nowMs);
    if (error !== undefined) return { kind: 'rejected', method: 'api_key', error };
    this.#used?.(key.id, nowMs);
    return {
      kind: 'key',
      principal: principalOf(key),
      credential,
      ...this.#forApp(request, fields, credential.header),
    };
  }

  #forApp({ policy, place }: AuthRequest, fields: CredentialFields, used: KeyCredential['header'] | undefined): ForApp {
    const protocols = place === 'app' || policy.auth.forwardCredential ? undefined : fields.protocols;
    return { protocols, stripped: this.#namesWithKeys(fields, policy, used) };
  }

  /** The headers for the app that hold a key of this gateway. Does not depend on the caller. */
  namesWithKeys(headers: RawHeaders, policy: Policy): readonly string[] {
    return policy.auth.enabled ? this.#namesWithKeys(credentialFields(headers), policy, undefined) : [];
  }

  #namesWithKeys(
    { authorizations, apiKeys, disguised }: CredentialFields,
    policy: Policy,
    used: KeyCredential['header'] | undefined,
  ): readonly string[] {
    const { forwardCredential, cacheTtlMs } = policy.auth;
    if (forwardCredential) return [];
    const stripped: string[] = [];
    const holdsKey = (value: string): boolean => this.#verifier.holdsKey(value, ringOf(policy), cacheTtlMs, 'known');
    if (used !== 'authorization' && authorizations.some(holdsKey)) stripped.push('authorization');
    if (used !== 'x-api-key' && apiKeys.some(holdsKey)) stripped.push('x-api-key');
    for (const [name, value] of disguised) if (holdsKey(value)) stripped.push(name);
    return stripped;
  }
}

/** Why the key is not accepted now, or from this address, although it is right. */
function conditionFault(
  key: KeyPolicy,
  { policy, clientIp, basic }: AuthRequest,
  nowMs: number,
): GatewayError | undefined {
  if (key.expiresAtMs !== undefined && nowMs >= key.expiresAtMs) return expiredKey(key.expiresAtMs, basic);
  if (key.notBeforeMs !== undefined && nowMs < key.notBeforeMs) return notYetValidKey(key.notBeforeMs, basic);
  const isAllowed = allowedOf(policy).get(key);
  return isAllowed === undefined || isAllowed(clientIp) ? undefined : keyAddressDenied();
}

const principals = new WeakMap<KeyPolicy, Principal>();

/** The same object for each request with the key, so that others can cache by it. */
function principalOf(key: KeyPolicy): Principal {
  let principal = principals.get(key);
  if (principal === undefined) {
    principal = { id: key.id, kind: 'key', scopes: key.scopes };
    principals.set(key, principal);
  }
  return principal;
}
