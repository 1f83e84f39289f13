// Turns errors of the Redis client into one line for the operator: what failed, and what to do. The
// line has no password, and of the server's text only the error code. Decides by classes and codes
// of errors, never by text.
import { codeOf } from '../../kernel/reason.ts';
import {
  ClientClosedError,
  ClientOfflineError,
  ConnectionTimeoutError,
  DisconnectsClientError,
  ErrorReply,
  SocketClosedUnexpectedlyError,
  SocketTimeoutError,
} from '@redis/client';
import { certificateFault } from '../../kernel/net/certificate-fault.ts';
import { StoreReplyError } from '../store-reply.ts';

/** How far a connection got before it failed. */
export type LinkPhase = 'connecting' | 'handshake' | 'ready';

/** Errors of a command that only mean that its connection has closed. */
export function isLinkEnd(error: unknown): boolean {
  return (
    error instanceof ClientClosedError || error instanceof ClientOfflineError || error instanceof DisconnectsClientError
  );
}

/** The error that a failed command rejects with, unless its connection has closed. */
export function commandFault(error: unknown): Error {
  if (error instanceof ErrorReply) return replyFault(error);
  return error instanceof Error ? error : new Error('it failed');
}

/** Why a connection failed or closed. */
export function linkFault(error: unknown, phase: LinkPhase, isSecure: boolean): Error {
  if (error instanceof ErrorReply) return replyFault(error);
  return new Error(linkReason(error, phase, isSecure), { cause: error });
}

/** The code alone: error replies may quote the password from the command. */
function replyFault({ message }: ErrorReply): StoreReplyError {
  return new StoreReplyError(/^[A-Z]{2,20}(?![^ ])/.exec(message)?.[0] ?? 'an error');
}

function linkReason(error: unknown, phase: LinkPhase, isSecure: boolean): string {
  if (error instanceof ConnectionTimeoutError) return connectTimeout(isSecure);
  if (error instanceof SocketTimeoutError) return 'it does not respond';
  const code = codeOf(error);
  if (error instanceof SocketClosedUnexpectedlyError || hangUps.has(code ?? '')) {
    if (phase === 'ready') return 'it closed the connection';
    return isSecure
      ? 'it closed the connection during the TLS handshake; check that the port uses TLS (redis:// does not)'
      : 'it closed the connection before its first reply; if the port uses TLS, write rediss://';
  }
  // Node's errors have a code. An error without one comes from the decoder: the bytes are not a
  // valid reply.
  if (code === undefined) return 'it does not use the Redis protocol; check host and port';
  return certificateFault(code, 'ca_file') ?? networkFault(code, isSecure);
}

const hangUps: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE', 'ECONNABORTED']);

/** With TLS towards a plain port: Redis keeps waiting for the rest of what looks like a command. */
function connectTimeout(isSecure: boolean): string {
  return isSecure
    ? 'the TLS connection timed out; check host and port, and that the port uses TLS (redis:// does not)'
    : 'the connection timed out; check host, port and network';
}

function networkFault(code: string, isSecure: boolean): string {
  switch (code) {
    case 'ECONNREFUSED':
      return `nothing listens there (${code})`;
    case 'ENOENT':
      return `its socket does not exist (${code})`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `its host name does not resolve (${code})`;
    default: {
      const isTls = code.startsWith('ERR_SSL_') || code === 'EPROTO';
      return isSecure && isTls
        ? `the TLS handshake failed (${code}); check that the port uses TLS (redis:// does not)`
        : `the connection failed (${code})`;
    }
  }
}
