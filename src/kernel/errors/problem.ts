// Renders an error for a client as application/problem+json (RFC 9457) or as an HTML page, with
// Proxy-Status (RFC 9209). Uses the error's table row and detail, never its cause.
import { STATUS_CODES } from 'node:http';
import type { ProxyErrorType } from './error-shape.ts';
import { errorTable } from './error-table.ts';
import type { GatewayError } from './gateway-error.ts';
import type { RawHeaders } from '../http/http.ts';
import { pageStyles, problemPage } from './problem-page.ts';
import { contentPolicy, type WholeResponse, wholeResponse } from '../http/whole-response.ts';

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
  /** The headers of the request, whose Accept selects JSON or HTML. Undefined: JSON. */
  readonly received?: RawHeaders | undefined;
  /** Overrides the error type of the table. */
  readonly proxyError?: ProxyErrorType | undefined;
}

export function problemOf(error: GatewayError, context: ProblemContext): WholeResponse {
  const { status, title, proxyError } = errorTable[error.code];
  const { code, message: detail, retryAfterSeconds } = error;
  const { proxy, requestId, received, errorsUrl } = context;
  const link = errorsUrl === undefined ? undefined : `${errorsUrl}#${code}`;
  const response =
    received !== undefined && prefersHtml(received)
      ? htmlResponse(status, problemPage({ title, status, detail, code, link, requestId }))
      : problemResponse(status, {
          // RFC 9457 §4.2.1: with about:blank, the title is the phrase of the status.
          type: link ?? 'about:blank',
          title: link === undefined ? (STATUS_CODES[status] ?? title) : title,
          status,
          detail,
          code,
          ...(requestId !== undefined && { request_id: requestId }),
          ...(retryAfterSeconds !== undefined && { retry_after: retryAfterSeconds }),
        });
  const reason = context.proxyError ?? proxyError;
  const headers = response.headers.concat('Proxy-Status', `${proxy}; error=${reason}; details="${code}"`);
  if (retryAfterSeconds !== undefined) headers.push('Retry-After', String(retryAfterSeconds));
  headers.push(...error.headers);
  return { status, headers, body: response.body };
}

function problemResponse(status: number, problem: object): WholeResponse {
  return wholeResponse(status, 'application/problem+json', Buffer.from(JSON.stringify(problem)));
}

function htmlResponse(status: number, page: string): WholeResponse {
  return wholeResponse(status, 'text/html; charset=utf-8', Buffer.from(page), contentPolicy(pageStyles));
}

/**
 * Whether Accept names text/html explicitly and weighs it at least as high as JSON, as browsers do.
 * All other clients get JSON.
 */
function prefersHtml(received: RawHeaders): boolean {
  let html = 0;
  let json = 0;
  for (let i = 0; i < received.length; i += 2) {
    const name = received[i] ?? '';
    if (name.length !== 6 || name.toLowerCase() !== 'accept') continue;
    for (const range of (received[i + 1] ?? '').split(',')) {
      const [type = '', ...parameters] = range.split(';');
      switch (type.trim().toLowerCase()) {
        case 'text/html':
          html = Math.max(html, weightOf(parameters));
          break;
        case 'application/json':
        case 'application/problem+json':
          json = Math.max(json, weightOf(parameters));
      }
    }
  }
  return html > 0 && html >= json;
}

function weightOf(parameters: readonly string[]): number {
  for (const parameter of parameters) {
    const [name = '', value = ''] = parameter.split('=');
    if (name.trim().toLowerCase() !== 'q') continue;
    const weight = Number(value.trim());
    return weight >= 0 && weight <= 1 ? weight : 0;
  }
  return 1;
}
