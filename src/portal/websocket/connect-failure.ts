// Converts failures before a websocket is open to an error code and a one-line message for the
// user. Decides by phase and error code, never by text.
import type { IncomingMessage } from 'node:http';
import { certificateFault } from '../../kernel/net/certificate-fault.ts';
import { PortalError } from '../errors.ts';
import type { RelayUrl } from './relay-url.ts';

/** The phase of the attempt; a failure is attributed to its phase. */
export type ConnectPhase = 'tcp' | 'tls' | 'http' | 'upgrade';

const phaseNames: Record<ConnectPhase, string> = {
  tcp: 'waiting for the TCP connection',
  tls: 'waiting for the TLS handshake',
  http: 'waiting for the response to the upgrade',
  upgrade: 'waiting for the upgrade to end',
};

/**
 * The connection closed without a response: a relay that restarts, or a load balancer without a
 * backend.
 */
const hangUps: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE', 'ECONNABORTED']);

export function connectFailure(relay: RelayUrl, phase: ConnectPhase, cause: Error): PortalError {
  const code = codeOf(cause);
  switch (phase) {
    case 'tcp':
      return new PortalError('relay_unreachable', `relay ${relay.shown} is unreachable: ${unreachable(relay, code)}`, {
        cause,
      });
    case 'tls':
      return new PortalError('relay_tls', `relay ${relay.shown} failed the TLS handshake: ${tlsFault(code)}`, {
        cause,
      });
    case 'http':
      if (hangUps.has(code)) {
        return new PortalError(
          'relay_unreachable',
          `relay ${relay.shown} closed the connection without a response; is it starting or shutting down?`,
          { cause },
        );
      }
      return new PortalError(
        'not_a_relay',
        `${relay.shown} does not respond in HTTP (${code}); ${relay.secure ? 'check host and port' : 'check host and port, or try wss://'}`,
        { cause },
      );
    case 'upgrade':
      return new PortalError(
        'not_a_relay',
        `${relay.shown} responded to the upgrade, but not with a websocket; check that the path is that of a relay (/relay)`,
        { cause },
      );
  }
}

/** The relay sent an HTTP response other than 101. */
export function refusedUpgrade(relay: RelayUrl, response: IncomingMessage): PortalError {
  const status = response.statusCode ?? 0;
  const page = (response.headers['content-type'] ?? '').startsWith('text/html') ? ' and an HTML page' : '';
  const what = `responded with HTTP ${status}${page} instead of opening a websocket`;
  // Such a response passes: a relay that restarts, or a load balancer without a backend.
  if (isOverloadOrOutage(status)) {
    const cause = 'it, or a proxy in front of it, is overloaded or down';
    return new PortalError('relay_unreachable', `relay ${relay.shown} ${what}; ${cause}`);
  }
  return new PortalError('not_a_relay', `${relay.shown} is not a relay: it ${what}; ${hint(status)}`);
}

/** 501 and 505 come from servers that will never be relays. */
function isOverloadOrOutage(status: number): boolean {
  return status === 429 || (status >= 500 && status !== 501 && status !== 505);
}

export function timedOut(relay: RelayUrl, phase: ConnectPhase, timeoutMs: number): PortalError {
  return new PortalError(
    'connect_timeout',
    `relay ${relay.shown} did not open a websocket within ${timeoutMs} ms (${phaseNames[phase]}); check the address and that the relay is not overloaded`,
  );
}

export function aborted(relay: RelayUrl, signal: AbortSignal): PortalError {
  return new PortalError('dial_aborted', `connecting to relay ${relay.shown} was cancelled`, { cause: signal.reason });
}

function hint(status: number): string {
  if (status === 404) return 'the path of a relay is /relay, and its host must not be that of an app';
  if (status >= 300 && status < 400) return 'redirects are not followed: write the address that it points to';
  if (status === 401 || status === 403) return 'something in front of it asks for credentials or denies access';
  return 'check host, port and path (/relay)';
}

function unreachable(relay: RelayUrl, code: string): string {
  switch (code) {
    case 'ECONNREFUSED':
      return `nothing listens on port ${relay.port}; start the relay or correct the port`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `the host name ${relay.host} does not resolve (${code}); correct it or check DNS`;
    default:
      return `${code}; check host, port and network`;
  }
}

function tlsFault(code: string): string {
  return certificateFault(code, 'ca_file or --ca-file') ?? `${code}; if the port does not use TLS, write ws://`;
}

/**
 * The stable name of a system, TLS or parser error; for an attempt on several addresses, that of
 * the first.
 */
function codeOf(error: Error): string {
  if (error instanceof AggregateError && error.errors[0] instanceof Error) return codeOf(error.errors[0]);
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}
