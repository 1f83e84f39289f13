// Turns errors into one line for the terminal (what happened, where, what to do) and an exit code.
import { StartError } from '../gateway/start-error.ts';
import { EnvironmentError } from '../config/source/environment.ts';
import { KeysFileError } from '../keys/keys-file-error.ts';
import { PortalError, type PortalErrorCode } from '../portal/errors.ts';
import { commonTemporary, type MayPass, type TemporaryFault } from '../kernel/errors/temporary-fault.ts';
import { TlsSettingsError } from '../kernel/errors/tls-settings-error.ts';

/** `retry`: trying again later can help, EX_TEMPFAIL in sysexits.h. */
export const exitCodes = { ok: 0, failed: 1, usage: 2, retry: 75 } as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** A failure that may pass has its own exit code: scripts can then try again. */
function exitCodeOf({ temporary }: MayPass): ExitCode {
  return temporary === undefined ? exitCodes.failed : exitCodes.retry;
}

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

/** A failure that may be gone when the command runs again. */
export function temporaryFault(message: string, temporary: TemporaryFault): CliFault {
  return failure(message, { temporary });
}

/** A failure whose exit code tells whether `cause` may be gone when the command runs again. */
export function failure(message: string, cause: MayPass): CliFault {
  return new CliFault(message, exitCodeOf(cause));
}

/** The command printed the faults of a configuration that it cannot use. */
export function faultyConfig(faults: readonly MayPass[]): CliFault {
  const message = 'the configuration has errors; run "portal-gateway validate" to list them';
  return failure(message, { temporary: commonTemporary(faults) });
}

/** What the errors of the tunnel mean for a command. */
const portalFaults: Readonly<Record<PortalErrorCode, 'relay_unavailable' | 'usage' | 'failed'>> = {
  bad_relay_url: 'usage',
  relay_unreachable: 'relay_unavailable',
  relay_tls: 'failed',
  not_a_relay: 'failed',
  connect_timeout: 'relay_unavailable',
  carrier_closed: 'relay_unavailable',
  session_closed: 'relay_unavailable',
  session_goaway: 'relay_unavailable',
  session_protocol: 'failed',
  session_remote_error: 'relay_unavailable',
  keepalive_timeout: 'relay_unavailable',
  streams_exhausted: 'relay_unavailable',
  too_many_streams: 'relay_unavailable',
  stream_open_timeout: 'relay_unavailable',
  stream_reset: 'relay_unavailable',
  stream_aborted: 'failed',
  packet_malformed: 'failed',
  packet_too_large: 'failed',
  packet_unexpected: 'failed',
  stream_truncated: 'relay_unavailable',
  lease_unknown: 'failed',
  lease_rejected: 'failed',
  lease_refused: 'failed',
  lease_timeout: 'relay_unavailable',
  dial_timeout: 'relay_unavailable',
  dial_aborted: 'failed',
  client_not_admitted: 'failed',
  clock_skew: 'failed',
  identity_invalid: 'failed',
  identity_file: 'failed',
  handshake_malformed: 'failed',
  handshake_version: 'failed',
  handshake_identity: 'failed',
  handshake_signature: 'failed',
  handshake_alpn: 'failed',
  handshake_session_key: 'failed',
  handshake_nonce: 'failed',
  handshake_lease_mismatch: 'failed',
  handshake_client_refused: 'failed',
  handshake_timeout: 'failed',
  frame_malformed: 'failed',
  listener_closed: 'failed',
};

/** Undefined: a file, an option or a clock has to change first. */
export function temporaryOf({ code }: PortalError): TemporaryFault | undefined {
  const kind = portalFaults[code];
  return kind === 'relay_unavailable' ? kind : undefined;
}

export interface Fault {
  readonly line: string;
  readonly exitCode: ExitCode;
}

/** Undefined for unexpected errors, which are printed with their stack. */
export function faultOf(error: unknown): Fault | undefined {
  if (error instanceof CliFault) return { line: error.message, exitCode: error.exitCode };
  if (error instanceof StartError || error instanceof KeysFileError)
    return { line: error.message, exitCode: exitCodeOf(error) };
  if (error instanceof TlsSettingsError || error instanceof EnvironmentError)
    return { line: error.message, exitCode: exitCodes.failed };
  if (error instanceof PortalError) {
    const isUsage = portalFaults[error.code] === 'usage';
    return { line: error.message, exitCode: isUsage ? exitCodes.usage : exitCodeOf({ temporary: temporaryOf(error) }) };
  }
  return undefined;
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
