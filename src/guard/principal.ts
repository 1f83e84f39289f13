// Owns what is known of a caller when it is decided what he may do. Knows no credential and no request.

/** Who calls, whatever he proved it with. */
export interface Principal {
  /** The name of the key, or of the token's subject; `anonymous` without a credential. */
  readonly id: string;
  readonly kind: 'anonymous' | 'key' | 'token';
  /** What was granted: `read`, `write`, `admin`, and custom ones. */
  readonly scopes: readonly string[];
  /** Of a token: who it was issued for. */
  readonly subject?: string;
  readonly tenant?: string;
}

export const anonymous: Principal = Object.freeze({
  id: 'anonymous',
  kind: 'anonymous',
  scopes: Object.freeze(['read', 'write']),
});
