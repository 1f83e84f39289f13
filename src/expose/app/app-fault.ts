// Maps failures between `expose` and the app to an error for the caller and a reason for the app's
// owner. Errors for callers contain no address, port or text from the app's machine.
import type { HttpFault } from '../../http-client/http-fault.ts';
import { ResponseError } from '../../http-client/malformed-response.ts';
import type { ProxyErrorType } from '../../kernel/errors/error-shape.ts';
import type { ErrorCode } from '../../kernel/errors/error-table.ts';
import { GatewayError } from '../../kernel/errors/gateway-error.ts';

/**
 * unreachable: the app accepts no connection, or closed it without a response. not_http: its
 * response is malformed. incomplete: its response ended too early. too_late: its response did not
 * begin in time.
 */
export type AppFailure = 'unreachable' | 'not_http' | 'incomplete' | 'too_late';

export interface AppFault {
  readonly error: GatewayError;
  /** For Proxy-Status. */
  readonly proxyError: ProxyErrorType;
  readonly failure: AppFailure;
  /** For the app's owner: an error code, or a sentence without a full stop. */
  readonly reason: string;
}

/**
 * From sending the last byte of a request to the head of its response. Longer than any gateway
 * waits by default.
 */
export const responseTimeoutMs = 600_000;
/**
 * A local port accepts at once or never; a target on another machine gets enough time for TCP to
 * lose two SYNs.
 */
export const connectTimeoutMs = 10_000;

const details: Readonly<Record<AppFailure, readonly [ErrorCode, string]>> = {
  unreachable: [
    'app_unreachable',
    'The app behind this lease does not respond: start it, or correct the target of `expose`, which prints the reason.',
  ],
  not_http: [
    'bad_app_response',
    'The app behind this lease sent a response that is not valid HTTP: correct the app. `expose` prints what is wrong.',
  ],
  incomplete: [
    'bad_app_response',
    'The app behind this lease aborted its response: see the log of the app. It may have processed the request.',
  ],
  too_late: [
    'app_timeout',
    'The app behind this lease did not begin its response in time: make it faster, or have it send its response head early.',
  ],
};

/** Keyed by Node's error codes; connectErrorOf() handles those of TLS. */
const connectErrors: Readonly<Record<string, ProxyErrorType>> = {
  ECONNREFUSED: 'connection_refused',
  ETIMEDOUT: 'connection_timeout',
  ENOTFOUND: 'dns_error',
  EAI_AGAIN: 'dns_error',
  EHOSTUNREACH: 'destination_ip_unroutable',
  ENETUNREACH: 'destination_ip_unroutable',
  // No local port is free.
  EADDRNOTAVAIL: 'connection_limit_reached',
};

export function connectFault(error: Error): AppFault {
  const code = codeOf(error);
  return fault(
    'unreachable',
    code === undefined ? 'connection_terminated' : connectErrorOf(code),
    code ?? error.message,
    error,
  );
}

export function connectTimeoutFault(): AppFault {
  return fault('unreachable', 'connection_timeout', `no connection within ${connectTimeoutMs / 1000} s`);
}

export function responseTimeoutFault(): AppFault {
  return fault('too_late', 'http_response_timeout', `no response within ${responseTimeoutMs / 60_000} minutes`);
}

/**
 * An exchange over an open connection failed. Not used for the fault request_body, which the app
 * did not cause.
 */
export function appFaultOf(httpFault: HttpFault): AppFault {
  const { kind, moment, cause, message } = httpFault;
  if (kind === 'malformed' || kind === 'unasked') {
    const isResponseError = cause instanceof ResponseError;
    return fault(
      'not_http',
      isResponseError ? protocolErrorOf(cause) : 'http_protocol_error',
      sentence(message),
      httpFault,
    );
  }
  const code = codeOf(cause);
  if (moment === 'head' || moment === 'body') {
    return fault('incomplete', 'http_response_incomplete', code ?? sentence(message), httpFault);
  }
  return fault(
    'unreachable',
    'connection_terminated',
    code ?? 'the connection was closed without a response',
    httpFault,
  );
}

function protocolErrorOf({ code }: ResponseError): ProxyErrorType {
  if (code === 'head_too_large') return 'http_response_header_section_size';
  return code === 'unoffered_upgrade' ? 'http_upgrade_failed' : 'http_protocol_error';
}

function connectErrorOf(code: string): ProxyErrorType {
  const known = connectErrors[code];
  if (known !== undefined) return known;
  if (/CERT|SIGNATURE|ISSUER|CRL/.test(code)) return 'tls_certificate_error';
  if (/SSL|TLS/.test(code)) return 'tls_protocol_error';
  return 'connection_terminated';
}

function fault(failure: AppFailure, proxyError: ProxyErrorType, reason: string, cause?: unknown): AppFault {
  const [code, detail] = details[failure];
  return { error: new GatewayError(code, detail, cause === undefined ? {} : { cause }), proxyError, failure, reason };
}

function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || error instanceof ResponseError) return undefined;
  return 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

function sentence(text: string): string {
  return text.replace(/\.$/, '');
}
