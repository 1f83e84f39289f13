// Turns errors into one line for the terminal (what happened, where, what to do) and an exit code.
import { StartError } from '../gateway/start-error.ts';
import { EnvironmentError } from '../config/source/environment.ts';
import { KeysFileError } from '../keys/keys-file-error.ts';
import { PortalError } from '../portal/errors.ts';
import { TlsSettingsError } from '../kernel/errors/tls-settings-error.ts';

export const exitCodes = { ok: 0, failed: 1, usage: 2 } as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** An error whose message is printed as it is. */
export class CliFault extends Error {
  override readonly name = 'CliFault';
  readonly exitCode: ExitCode;

  constructor(message: string, exitCode: ExitCode = exitCodes.failed) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** A usage error. */
export function usageFault(message: string): CliFault {
  return new CliFault(message, exitCodes.usage);
}

export interface Fault {
  readonly line: string;
  readonly exitCode: ExitCode;
}

/** Undefined for unexpected errors, which are printed with their stack. */
export function faultOf(error: unknown): Fault | undefined {
  if (error instanceof CliFault) return { line: error.message, exitCode: error.exitCode };
  if (error instanceof StartError) return { line: error.message, exitCode: exitCodes.failed };
  if (error instanceof TlsSettingsError) return { line: error.message, exitCode: exitCodes.failed };
  if (error instanceof KeysFileError) return { line: error.message, exitCode: exitCodes.failed };
  if (error instanceof EnvironmentError) return { line: error.message, exitCode: exitCodes.failed };
  if (error instanceof PortalError) {
    return { line: error.message, exitCode: error.code === 'bad_relay_url' ? exitCodes.usage : exitCodes.failed };
  }
  return undefined;
}
