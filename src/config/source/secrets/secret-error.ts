// The error of a secret that cannot be used. Sources share its wording.

/** The message completes "<setting> …" and never contains the secret. */
export class SecretError extends Error {
  override readonly name = 'SecretError';
}

/** `from`: the secret manager, as people call it. */
export function unavailable(from: string, why: string): SecretError {
  return new SecretError(`cannot be fetched from ${from}: ${why}`);
}
