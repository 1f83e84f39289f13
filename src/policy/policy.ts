// Owns the immutable snapshot that the data plane works from. Structured-cloneable: no functions, no class instances.
// Knows neither where it came from nor who asks.

export interface Policy {
  /** SHA-256 (hex) of the keys that may call every lease. Empty: nobody may. */
  readonly keyDigests: readonly string[];
  readonly timeouts: {
    readonly dialMs: number;
    readonly responseHeadersMs: number;
    readonly bodyIdleMs: number;
  };
}
