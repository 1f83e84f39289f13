// Encodes the head of a request (RFC 9112 §3). Writes exactly the given parts and rejects any that
// would not be read as one head.
import type { RawHeaders } from '../kernel/http/http.ts';

export interface RequestHeadParts {
  readonly method: string;
  /** In any of the four forms of RFC 9112 §3.2, written unchanged. */
  readonly target: string;
  /** Raw pairs, including framing and connection fields. Each character is one byte. */
  readonly headers: RawHeaders;
}

/** The parts would be read as a different head. */
export class InvalidRequestError extends Error {
  override readonly name = 'InvalidRequestError';
}

/** RFC 9110 §5.6.2. */
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/**
 * RFC 9110 §5.5: HTAB, SP, VCHAR and obs-text. Rejects other control characters and characters that
 * do not fit a byte.
 */
const notInValue = /[^\t\x20-\x7e\x80-\xff]/;
/** Looser than RFC 9112 §3.2: any visible byte. Other modules decide what a target means. */
const notInTarget = /[^\x21-\x7e\x80-\xff]/;

/**
 * Throws InvalidRequestError for a method or name that is not a token, a space in the target, a
 * control character, or a character that does not fit a byte.
 */
export function encodeRequestHead({ method, target, headers }: RequestHeadParts): Buffer {
  if (!token.test(method)) throw new InvalidRequestError('the method is not a token');
  if (target === '' || notInTarget.test(target)) {
    throw new InvalidRequestError('the request target is empty or contains a character that is not allowed');
  }
  let head = `${method} ${target} HTTP/1.1\r\n`;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? '';
    const value = headers[i + 1] ?? '';
    if (!token.test(name)) throw new InvalidRequestError('a header name is not a token');
    if (notInValue.test(value)) throw new InvalidRequestError(`the value of ${name} contains a control character`);
    head += `${name}: ${value}\r\n`;
  }
  return Buffer.from(`${head}\r\n`, 'latin1');
}
