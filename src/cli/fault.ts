// Turns errors into one line for the terminal (what happened, where, what to do) and an exit code.
import { StartError } from '../gateway/start-error.ts';
import { EnvironmentError } from '../config/source/environment.ts';
import { KeysFileError } from '../keys/keys-file-error.ts';
import { PortalError, type PortalErrorCode } from '../portal/errors.ts';
import { TlsSettingsError } from '../kernel/errors/tls-settings-error.ts';

/** `retry`: trying again later can help, EX_TEMPFAIL in sysexits.h. */
export const exitCodes = { ok: 0, failed: 1, usage: 2, retry: 75 } as const;
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

/** A failure that may be gone when the command runs again, such as a relay that is down. */
export function retryFault(message: string): CliFault {
  return new CliFault(message, exitCodes.retry);
}

/** Failures of a connection or of its peer. All others need a change of a file, option or clock. */
const passing: ReadonlySet<PortalErrorCode> = new Set<PortalErrorCode>([
  'relay_unreachable',
  'connect_timeout',
  'carrier_closed',
  'session_closed',
  'session_goaway',
  'session_remote_error',
  'keepalive_timeout',
  'streams_exhausted',
  'too_many_streams',
  'stream_open_timeout',
  'stream_reset',
  'stream_truncated',
  'lease_timeout',
  'dial_timeout',
]);

export interface Fault {
  readonly line: string;
  readonly exitCode: ExitCode;
}

/** Undefined for unexpected errors, which are printed with their stack. */
export function faultOf(error: unknown): Fault | undefined {
  if (error instanceof CliFault) return { line: error.message, exitCode: error.exitCode };
  if (error instanceof StartError)
    return { line: error.message, exitCode: error.passing ? exitCodes.retry : exitCodes.failed };
  if (error instanceof TlsSettingsError) return { line: error.message, exitCode: exitCodes.failed };
  if (error instanceof KeysFileError)
    return { line: error.message, exitCode: error.passing ? exitCodes.retry : exitCodes.failed };
  if (error instanceof EnvironmentError) return { line: error.message, exitCode: exitCodes.failed };
  if (error instanceof PortalError) {
    return { line: error.message, exitCode: portalExitCode(error.code) };
  }
  return undefined;
}

function portalExitCode(code: PortalErrorCode): ExitCode {
  if (code === 'bad_relay_url') return exitCodes.usage;
  return passing.has(code) ? exitCodes.retry : exitCodes.failed;
}

/** Causes are followed this far: a chain could be a cycle. */
const maxCauses = 5;

/** The error only says that `signal` aborted the command. */
export function isAbort(error: unknown, signal: AbortSignal): boolean {
  if (!signal.aborted) return false;
  let cause = error;
  for (let depth = 0; depth < maxCauses && cause instanceof Error; depth += 1) {
    if (cause === signal.reason || cause.name === 'AbortError') return true;
    if (cause instanceof PortalError && (cause.code === 'dial_aborted' || cause.code === 'session_closed')) return true;
    ({ cause } = cause);
  }
  return false;
}
