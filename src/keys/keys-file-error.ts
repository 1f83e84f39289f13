// Error about the keys file: one line with the remedy. Never contains a key.
import type { MayPass, TemporaryFault } from '../kernel/errors/temporary-fault.ts';

export class KeysFileError extends Error implements MayPass {
  override readonly name = 'KeysFileError';
  readonly temporary: TemporaryFault | undefined;

  constructor(message: string, { temporary, cause }: MayPass & { readonly cause?: unknown } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.temporary = temporary;
  }
}
