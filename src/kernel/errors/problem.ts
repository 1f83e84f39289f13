// Renders an error for a client as application/problem+json (RFC 9457), as an HTML page or as a
// gRPC status, with Proxy-Status (RFC 9209). Uses the error's table row and detail, never its
// cause.
import type { ProxyErrorType } from './error-shape.ts';
import { errorTable } from './error-table.ts';
import type { GatewayError } from './gateway-error.ts';
import { grpcFields } from './grpc-status.ts';
import { noHeaders, type RawHeaders } from '../http/http.ts';
import { grpcType, problemFormat, type ProblemFormat } from './problem-format.ts';
import { pageStyles, problemPage } from './problem-page.ts';
import { sdkError } from './sdk-error.ts';
import { contentPolicy, type WholeResponse, wholeResponse } from '../http/whole-response.ts';
import { STATUS_CODES } from '../net/node-http.ts';

export interface ProblemContext {
  /** The hop that makes the response, for Proxy-Status (RFC 9209 §2). */
  readonly proxy: 'portal-gateway' | 'portal-expose';
  /** Undefined: the request has no id. */
  readonly requestId: string | undefined;
  /**
   * URL of the page that explains the codes; each code is a fragment. Undefined: no such page is
   * reachable for the client.
   */
  readonly errorsUrl: string | undefined;
  /** The headers of the request, which select the format. Undefined: JSON. */
  readonly received?: RawHeaders | undefined;
  /** The target of the request, which tells APIs of language models from others. */
  readonly target?: string | undefined;
  /** Overrides the error type of the table. */
  readonly proxyError?: ProxyErrorType | undefined;
}

export function problemOf(error: GatewayError, context: ProblemContext): WholeResponse {
  const { code, retryAfterSeconds } = error;
  const { proxy, received = noHeaders, target = '' } = context;
  const reason = context.proxyError ?? errorTable[code].proxyError;
  const { status, headers, body } = responseIn(problemFormat(received, target), error, context);
  const all = headers.concat('Proxy-Status', `${proxy}; error=${reason}; details="${code}"`);
  if (retryAfterSeconds !== undefined) all.push('Retry-After', String(retryAfterSeconds));
  all.push(...error.headers);
  return { status, headers: all, body };
}

function responseIn(format: ProblemFormat, error: GatewayError, context: ProblemContext): WholeResponse {
  const { status, title, remedy } = errorTable[error.code];
  const { code, message: detail, retryAfterSeconds } = error;
  const { requestId, received = noHeaders, errorsUrl } = context;
  const link = errorsUrl === undefined ? undefined : `${errorsUrl}#${code}`;
  switch (format) {
    case 'grpc':
      return grpcResponse(grpcType(received) ?? 'application/grpc', grpcFields(code, detail));
    case 'html':
      return htmlResponse(status, problemPage({ title, status, detail, code, remedy, link, requestId }));
    case 'json':
    case 'sdk':
      return problemResponse(status, {
        // RFC 9457 §4.2.1: with about:blank, the title is the phrase of the status.
        type: link ?? 'about:blank',
        title: link === undefined ? (STATUS_CODES[status] ?? title) : title,
        status,
        detail,
        code,
        ...(requestId !== undefined && { request_id: requestId }),
        ...(retryAfterSeconds !== undefined && { retry_after: retryAfterSeconds }),
        ...(format === 'sdk' && { error: sdkError(status, code, detail) }),
      });
  }
}

/** A response of trailers only: for gRPC, every other HTTP status is one of the transport. */
function grpcResponse(type: string, fields: readonly string[]): WholeResponse {
  return { status: 200, headers: ['Content-Type', type, 'Content-Length', '0', ...fields], body: new Uint8Array() };
}

function problemResponse(status: number, problem: object): WholeResponse {
  return wholeResponse(status, 'application/problem+json', Buffer.from(JSON.stringify(problem)));
}

function htmlResponse(status: number, page: string): WholeResponse {
  return wholeResponse(status, 'text/html; charset=utf-8', Buffer.from(page), contentPolicy(pageStyles));
}
