// Owns how an error looks to a client: application/problem+json (RFC 9457), or a page for people, with the reason for the proxies in
// between (RFC 9209). Tells what the error's table and detail say, and nothing of its cause.
import { errorTable } from '../kernel/error-table.ts';
import type { GatewayError } from '../kernel/errors.ts';
import type { RawHeaders } from '../kernel/http.ts';
import { corsFieldsOfError } from '../pipeline/lease-cors.ts';
import type { Exchange } from '../pipeline/stage.ts';
import { contentPolicy, type OwnAnswer, wholeAnswer } from './own-answer.ts';
import { pageStyles, problemPage } from './problem-page.ts';

/** Where the codes are explained; a type is a documentation URL that ends in the code (contract §4). */
const typeBase = 'https://portal-gateway.dev/errors/';

/** With the CORS fields that let a page of an allowed origin read it. */
export function problemFor(exchange: Exchange, error: GatewayError): OwnAnswer {
  const problem = problemOf(error, exchange.id, exchange.req.headers);
  return { ...problem, headers: problem.headers.concat(corsFieldsOfError(exchange, error)) };
}

export function problemOf(error: GatewayError, requestId: string, received?: RawHeaders): OwnAnswer {
  const { status, title, proxyError } = errorTable[error.code];
  const { code, message: detail, retryAfterSeconds } = error;
  const type = typeBase + code;
  const answer =
    received !== undefined && prefersHtml(received)
      ? htmlAnswer(status, problemPage({ title, status, detail, code, type, requestId }))
      : problemAnswer(status, {
          type,
          title,
          status,
          detail,
          code,
          request_id: requestId,
          ...(retryAfterSeconds !== undefined && { retry_after: retryAfterSeconds }),
        });
  const headers = answer.headers.concat('Proxy-Status', `portal-gateway; error=${proxyError}; details="${code}"`);
  if (retryAfterSeconds !== undefined) headers.push('Retry-After', String(retryAfterSeconds));
  headers.push(...error.headers);
  return { status, headers, body: answer.body };
}

function problemAnswer(status: number, problem: object): OwnAnswer {
  return wholeAnswer(status, 'application/problem+json', Buffer.from(JSON.stringify(problem)));
}

function htmlAnswer(status: number, page: string): OwnAnswer {
  return wholeAnswer(status, 'text/html; charset=utf-8', Buffer.from(page), contentPolicy(pageStyles));
}

/** As browsers ask for a page: it names text/html itself, and JSON no more than that. Everything else gets JSON. */
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
