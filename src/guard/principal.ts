// The authenticated caller, as authorization decisions see it. Holds no credential and no request.

/** The caller, whatever credential it used. */
export interface Principal {
  /** The id of the key, or the subject of the token; `anonymous` without a credential. */
  readonly id: string;
  readonly kind: 'anonymous' | 'key' | 'token';
  /** Granted scopes: `read`, `write`, `admin`, and custom ones. */
  readonly scopes: readonly string[];
  /** For a token: the subject it was issued for. */
  readonly subject?: string;
  readonly tenant?: string;
}

export const anonymous: Principal = Object.freeze({
  id: 'anonymous',
  kind: 'anonymous',
  scopes: Object.freeze(['read', 'write']),
});
