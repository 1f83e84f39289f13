// The errors of authentication, with the challenges of RFC 6750 §3 and RFC 7617 §2. Their texts
// depend only on what the client sent, so that they reveal nothing about the configured keys.
import { GatewayError } from '../kernel/errors/gateway-error.ts';
import type { LeasePolicy } from '../policy/policy.ts';
import { keyFormOf } from './api-key.ts';
import type { BasicUse } from './basic-use.ts';
import { keyProtocol, type Credential, type KeyCredential } from './credential.ts';
import type { VerifyOutcome } from './throttled-verifier.ts';

const realm = 'realm="portal-gateway"';
/** On a line of its own: some clients read one challenge of a line. */
const basicChallenge = ['WWW-Authenticate', `Basic ${realm}, charset="UTF-8"`];
const forTheApp = 'If it is for the app, send the key of the gateway as `X-Gateway-Key` as well.';

/** The header of a challenge, as name and value. */
export function bearerChallenge(...parameters: readonly string[]): readonly string[] {
  return ['WWW-Authenticate', [`Bearer ${realm}`, ...parameters].join(', ')];
}

/** The caller is known, and its credential does not allow this. */
export function insufficientScope(detail: string, scope: string): GatewayError {
  return new GatewayError('insufficient_scope', detail, {
    headers: bearerChallenge('error="insufficient_scope"', `scope="${scope}"`),
  });
}

/** The request, as far as it decides where a key can be sent. */
interface MissingFrom {
  readonly upgrade: boolean;
  readonly place: LeasePolicy['credentials'];
  readonly basic: BasicUse;
}

/** RFC 6750 §3: without a credential, the challenge has no error code. */
export function missingCredentials({ upgrade, place, basic }: MissingFrom): GatewayError {
  const places = ['`Authorization: Bearer`', '`X-API-Key`', '`X-Gateway-Key`'];
  if (basic.challenge !== 'none') places.push('the password of `Authorization: Basic`');
  if (upgrade) places.push(`the subprotocol \`${keyProtocol('KEY')}\``);
  const last = places.pop() ?? '';
  const detail = `Send an API key as ${place === 'app' ? '`X-Gateway-Key`' : `${places.join(', ')} or ${last}`}.`;
  return new GatewayError('missing_credentials', detail, {
    headers: challengesOf(bearerChallenge(), basic),
  });
}

/** For headers that hold something other than one key. */
export function malformedCredentials(
  { kind }: Exclude<Credential, { readonly kind: 'none' | 'key' }>,
  basic: BasicUse,
): GatewayError {
  switch (kind) {
    case 'unusable': {
      const orBasic = basic.challenge !== 'none' ? ', or `Basic` with the key as its password' : '';
      const detail = `\`Authorization\` must be \`Bearer\` followed by a key of this gateway${orBasic}. ${forTheApp}`;
      return invalidCredentials(detail, basic);
    }
    case 'ambiguous':
      return new GatewayError(
        'invalid_request',
        'A header with a credential is repeated, or contains two credentials.',
      );
    case 'two':
      return new GatewayError('invalid_request', 'The request carries two keys of this gateway: send one.');
  }
}

export function unverifiedKey(
  outcome: Exclude<VerifyOutcome, { readonly kind: 'key' }>,
  credential: KeyCredential,
  basic: BasicUse,
): GatewayError {
  switch (outcome.kind) {
    case 'unknown':
      return invalidCredentials(unknownKeyDetail(credential), basic);
    case 'overloaded':
      return new GatewayError('overloaded', 'Too many keys are waiting to be verified.', { retryAfterSeconds: 1 });
    case 'throttled':
      return new GatewayError('rate_limited', 'Too many invalid credentials were sent recently.', {
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

function unknownKeyDetail({ key, header, basic }: KeyCredential): string {
  const place = basic === true ? 'the password of `Authorization`' : `\`${shownNames[header]}\``;
  if (key === '') return `${place} is empty: send a key there, or leave it out.`;
  if (header !== 'authorization' && /^bearer\s/i.test(key))
    return `${place} must contain the key alone, without \`Bearer\`.`;
  switch (keyFormOf(key)) {
    case 'ours':
      return 'The API key is not valid here: it is unknown or revoked. Check that it is for this gateway, or ask the operator for a new one.';
    case 'mistyped':
      return 'The API key is mistyped: its last 6 characters do not match the others. Copy it again.';
    case 'foreign':
      if (/^sk_(?:live|test)_/.test(key))
        return 'The API key is incomplete, or contains invalid characters: copy all of it, and nothing else.';
      if (header === 'x-api-key' || header === 'authorization') {
        return `The credential in ${place} is not a key of this gateway. ${forTheApp}`;
      }
      return `The credential in ${place} is not a key of this gateway: send one.`;
  }
}

/** The caller has proven that it holds the key, so it may know when the key ends. */
export function expiredKey(expiresAtMs: number, basic: BasicUse): GatewayError {
  const detail = `The API key expired at ${timeText(expiresAtMs)}: use its successor, or ask the operator for a new one.`;
  return new GatewayError('expired_credentials', detail, { headers: challenges(basic) });
}

export function notYetValidKey(notBeforeMs: number, basic: BasicUse): GatewayError {
  return invalidCredentials(
    `The API key is not valid before ${timeText(notBeforeMs)}: use it from then on, or ask the operator for another one.`,
    basic,
  );
}

function timeText(ms: number): string {
  return new Date(ms).toISOString().replace('.000Z', 'Z');
}

export function keyAddressDenied(): GatewayError {
  return new GatewayError(
    'ip_denied',
    'The API key may not be used from this address: call from an address in its `allowed_cidrs`, or ask the operator.',
  );
}

function invalidCredentials(detail: string, basic: BasicUse): GatewayError {
  return new GatewayError('invalid_credentials', detail, { headers: challenges(basic) });
}

function challenges(basic: BasicUse): readonly string[] {
  return challengesOf(bearerChallenge('error="invalid_token"'), basic);
}

/** Bearer first: some clients read the first challenge only, and most of them use Bearer. */
function challengesOf(ofBearer: readonly string[], { challenge }: BasicUse): readonly string[] {
  switch (challenge) {
    case 'none':
      return ofBearer;
    case 'beside Bearer':
      return [...ofBearer, ...basicChallenge];
    case 'alone':
      return basicChallenge;
  }
}
