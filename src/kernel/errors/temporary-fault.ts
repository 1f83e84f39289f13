// The failures that may pass: the same command can succeed later without any change. Errors carry
// one of these; the exit code of the command line depends on it alone.

export type TemporaryFault =
  | 'port_in_use'
  | 'relay_unavailable'
  | 'gateway_unavailable'
  | 'secret_manager_unavailable'
  | 'keys_file_locked'
  | 'identity_in_use';

/** An error or a finding. */
export interface MayPass {
  /** Undefined: a file, an option or a clock has to change first. */
  readonly temporary?: TemporaryFault | undefined;
}

/** Several faults pass together only if each of them does. */
export function commonTemporary(faults: readonly MayPass[]): TemporaryFault | undefined {
  return faults.every(({ temporary }) => temporary !== undefined) ? faults[0]?.temporary : undefined;
}
