// The error of a secret that cannot be used. Sources share its wording.
import type { MayPass, TemporaryFault } from '../../../kernel/errors/temporary-fault.ts';

/** The message completes "<setting> …" and never contains the secret. */
export class SecretError extends Error implements MayPass {
  override readonly name = 'SecretError';
  readonly temporary: TemporaryFault | undefined;

  constructor(message: string, { temporary }: MayPass = {}) {
    super(message);
    this.temporary = temporary;
  }
}

/** `from`: the secret manager, as people call it. */
export function unavailable(from: string, why: string): SecretError {
  return new SecretError(`cannot be fetched from ${from}: ${why}`);
}

/** The secret manager may respond later. */
export function unavailableNow(from: string, why: string): SecretError {
  return new SecretError(
    `cannot be fetched from ${from}: ${why}; check that it runs and can be reached, then try again`,
    {
      temporary: 'secret_manager_unavailable',
    },
  );
}

/** Too many requests, or a failure of the manager or of a proxy before it. */
export function isTemporaryStatus(status: number): boolean {
  return status === 429 || status >= 500;
}
