// Owns who calls: finds the credential, compares it with the keys of the policy, and keeps it from the app. For now a key is
// known by its SHA-256; the order of look-up and the codes are those of the contract (§2, §5).
import { hash, timingSafeEqual } from 'node:crypto';
import { GatewayError } from '../../kernel/errors.ts';
import type { RawHeaders } from '../../kernel/http.ts';
import { compiled } from '../../policy/compiled.ts';
import type { Dispatch, Stage } from '../stage.ts';

interface Key {
  readonly id: string;
  readonly digest: Buffer;
}

type Credential =
  | { readonly kind: 'key'; readonly key: string; readonly header: string }
  | { readonly kind: 'none' }
  | { readonly kind: 'unusable' }
  | { readonly kind: 'repeated' };

const realm = 'Bearer realm="portal-gateway"';
const bearer = 'bearer ';
const none: Credential = { kind: 'none' };
const unusable: Credential = { kind: 'unusable' };
const repeated: Credential = { kind: 'repeated' };

export function authenticate(): Stage {
  const keysOf = compiled(({ auth }) =>
    auth.keys.map(({ id, digest }): Key => ({ id, digest: Buffer.from(digest, 'hex') })),
  );

  return function authenticateStage(next): Dispatch {
    return function checkCredential(exchange, sink) {
      if (!exchange.policy.auth.enabled) {
        exchange.principal = { id: 'anonymous' };
        next(exchange, sink);
        return;
      }
      const credential = findCredential(exchange.req.headers);
      switch (credential.kind) {
        case 'key': {
          const id = match(credential.key, keysOf(exchange.policy));
          if (id === undefined) {
            sink.fail(invalid());
            return;
          }
          exchange.principal = { id };
          exchange.withheld.push(credential.header);
          next(exchange, sink);
          return;
        }
        case 'none':
          sink.fail(
            new GatewayError('missing_credentials', 'Send an API key as `Authorization: Bearer` or `X-API-Key`.', {
              headers: ['WWW-Authenticate', realm],
            }),
          );
          return;
        case 'unusable':
          sink.fail(invalid());
          return;
        case 'repeated':
          sink.fail(new GatewayError('invalid_request', 'The request carries the same kind of credential twice.'));
          return;
      }
    };
  };
}

function invalid(): GatewayError {
  return new GatewayError('invalid_credentials', 'The API key is not valid here.', {
    headers: ['WWW-Authenticate', `${realm}, error="invalid_token"`],
  });
}

/** With an X-API-Key, Authorization is the app's own. */
function findCredential(headers: RawHeaders): Credential {
  let apiKey: string | undefined;
  let authorization: string | undefined;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? '';
    if (name.length === 9 && name.toLowerCase() === 'x-api-key') {
      if (apiKey !== undefined) return repeated;
      apiKey = headers[i + 1];
    } else if (name.length === 13 && name.toLowerCase() === 'authorization') {
      if (authorization !== undefined) return repeated;
      authorization = headers[i + 1];
    }
  }
  if (apiKey !== undefined) return { kind: 'key', key: apiKey, header: 'x-api-key' };
  if (authorization === undefined) return none;
  if (authorization.slice(0, bearer.length).toLowerCase() !== bearer) return unusable;
  return { kind: 'key', key: authorization.slice(bearer.length).trim(), header: 'authorization' };
}

/** Every digest is compared, so that the time tells neither which key came near nor how near. */
function match(key: string, known: readonly Key[]): string | undefined {
  const digest = hash('sha256', key, 'buffer');
  let found: string | undefined;
  for (const { id, digest: candidate } of known) {
    if (candidate.length === digest.length && timingSafeEqual(candidate, digest)) found = id;
  }
  return found;
}
