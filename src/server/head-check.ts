// Rejects request heads that could be read in more than one way, to prevent request smuggling. The
// connection of a rejected head is closed. Node's parser rejects most ambiguous heads itself (see
// the rows of test/e2e/request-framing.test.ts); this covers the rest, in one pass over the raw
// fields.
import { GatewayError } from '../kernel/errors/gateway-error.ts';
import type { RequestHead } from '../kernel/http/http.ts';
import { trimOws } from '../kernel/http/ows.ts';
import { isAuthority } from '../kernel/net/authority.ts';
import { targetFault } from './request-target.ts';

/**
 * Bytes from Content-Length; null: chunked; 'none': no body (RFC 9112 §6.3), also if Content-Length
 * is 0.
 */
export type BodyLength = number | null | 'none';

export interface CheckedHead {
  readonly bodyLength: BodyLength;
  /** The client waits for 100 (Continue) before it sends the body. */
  readonly expectsContinue: boolean;
}

/** Twice the default of Envoy, HAProxy and Apache; the size in bytes is bounded separately. */
const maxFields = 200;

const plain: CheckedHead = { bodyLength: 'none', expectsContinue: false };

export interface HeadBounds {
  readonly maxTargetBytes: number;
  /** 0: unlimited. */
  readonly maxBodyBytes: number;
}

/**
 * `httpVersion`: as parsed. Returns the error instead of throwing it, because invalid heads are
 * expected.
 */
export function checkHead(head: RequestHead, httpVersion: string, bounds: HeadBounds): CheckedHead | GatewayError {
  const { headers } = head;
  const old = httpVersion === '1.0';
  if (!old && httpVersion !== '1.1') return invalid('The gateway speaks HTTP/1.1 and HTTP/1.0 on this connection.');
  if (head.target.length > bounds.maxTargetBytes) {
    return new GatewayError('uri_too_long', `The request target is longer than ${bounds.maxTargetBytes} bytes.`);
  }
  if (headers.length > 2 * maxFields) {
    return new GatewayError('headers_too_large', `The request has more than ${maxFields} header fields.`);
  }

  let host: string | undefined;
  let length: string | undefined;
  let coding: string | undefined;
  let expectation: string | undefined;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? '';
    // The length distinguishes nearly all other fields without comparing characters.
    switch (name.length) {
      case 4:
        if (name.toLowerCase() !== 'host') break;
        if (host !== undefined) return invalid('The request has more than one Host field.');
        host = headers[i + 1] ?? '';
        break;
      case 6:
        if (name.toLowerCase() !== 'expect') break;
        if (expectation !== undefined) return unknownExpectation();
        expectation = headers[i + 1] ?? '';
        break;
      case 14:
        if (!isNamed(name, 'content-length')) break;
        if (length !== undefined || name.includes('_')) return invalid('The length of the body is ambiguous.');
        length = headers[i + 1] ?? '';
        break;
      case 17:
        if (!isNamed(name, 'transfer-encoding')) break;
        if (name.includes('_')) return invalid('The transfer coding is ambiguous.');
        coding = coding === undefined ? (headers[i + 1] ?? '') : `${coding},${headers[i + 1] ?? ''}`;
        break;
    }
  }

  if (host === undefined ? !old : !isAuthority(host)) {
    return invalid(
      host === undefined ? 'The request has no Host field.' : 'The Host field does not name a valid host.',
    );
  }
  const fault = targetFault(head.method, head.target, host);
  if (fault !== undefined) return invalid(fault);
  if (length === undefined && coding === undefined && expectation === undefined) return plain;

  const bodyLength = bodyLengthOf(length, coding, old, bounds.maxBodyBytes);
  if (bodyLength instanceof GatewayError) return bodyLength;
  // 100 (Continue) must not be sent to an HTTP/1.0 client (RFC 9110 §10.1.1).
  const expectsContinue = expectation !== undefined && !old;
  if (expectsContinue && expectation?.toLowerCase() !== '100-continue') return unknownExpectation();
  return { bodyLength, expectsContinue };
}

/**
 * CGI and similar interfaces do not distinguish `_` from `-`: an app behind them would see a second
 * framing field.
 */
function isNamed(name: string, wanted: 'content-length' | 'transfer-encoding'): boolean {
  const lower = name.toLowerCase();
  return lower === wanted || lower.replace('_', '-') === wanted;
}

function bodyLengthOf(
  length: string | undefined,
  coding: string | undefined,
  old: boolean,
  maxBodyBytes: number,
): BodyLength | GatewayError {
  if (coding !== undefined) {
    if (length !== undefined) return invalid('The request has both Content-Length and Transfer-Encoding.');
    if (old) return invalid('HTTP/1.0 has no transfer codings.');
    return codingFault(coding) ?? null;
  }
  if (length === undefined) return 'none';
  const bytes = decimal(length);
  if (bytes === undefined) return invalid('Content-Length is not a valid number.');
  if (maxBodyBytes > 0 && bytes > maxBodyBytes) return bodyTooLarge(maxBodyBytes);
  return bytes === 0 ? 'none' : bytes;
}

export function bodyTooLarge(maxBodyBytes: number): GatewayError {
  return new GatewayError('body_too_large', `The request body is larger than ${maxBodyBytes} bytes.`);
}

/**
 * Digits only, and no larger than a number can represent exactly, because the number is what is
 * passed on.
 */
function decimal(text: string): number | undefined {
  if (text === '') return undefined;
  let value = 0;
  for (let i = 0; i < text.length; i += 1) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return undefined;
    value = value * 10 + digit;
    if (value > Number.MAX_SAFE_INTEGER) return undefined;
  }
  return value;
}

/**
 * Only `chunked` is accepted. An unknown coding is 501 (RFC 9112 §6.1); a malformed list is
 * invalid.
 */
function codingFault(value: string): GatewayError | undefined {
  const codings = value.toLowerCase().split(',').map(trimOws);
  if (codings.length === 1 && codings[0] === 'chunked') return undefined;
  const chunked = codings.filter((coding) => coding === 'chunked').length;
  const isMeant = codings.every((coding) => coding !== 'identity' && /^[\w!#$%&'*+.^`|~-]+$/.test(coding));
  if (!isMeant || chunked > 1 || (chunked === 1 && codings.at(-1) !== 'chunked')) {
    return invalid('The Transfer-Encoding is ambiguous.');
  }
  return new GatewayError('not_implemented', 'The only supported transfer coding is chunked.');
}

function invalid(detail: string): GatewayError {
  return new GatewayError('invalid_request', detail);
}

function unknownExpectation(): GatewayError {
  return new GatewayError('expectation_failed', 'Only the expectation 100-continue is supported.');
}
