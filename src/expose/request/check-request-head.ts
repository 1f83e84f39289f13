// Validates the head of a request from a tunnel and derives the framing of its body and the
// persistence of its connection. Rejects every request that two readers could interpret differently
// (RFC 9112 §3, §6.3, §11.2).
import { addOptions, type ConnectionOptions, joined } from '../../http-client/control-fields.ts';
import { GatewayError } from '../../kernel/errors/gateway-error.ts';
import type { RawHeaders } from '../../kernel/http/http.ts';
import { offerableProtocols } from '../../kernel/http/upgrade-protocols.ts';

export interface TunnelRequestHead {
  readonly method: string;
  /** A path with its query as sent, or `*`. */
  readonly target: string;
  readonly version: '1.0' | '1.1';
  /** Alternating names and values. */
  readonly headers: RawHeaders;
  /**
   * Content-Length of the body; null: chunked; 'none': there is no body, which includes
   * Content-Length: 0.
   */
  readonly lengthBytes: number | null | 'none';
  /**
   * Whether the caller may send another request on this connection after the response
   * (RFC 9112 §9.3).
   */
  readonly persistent: boolean;
  /** The caller waits for a 100 before it sends the body (RFC 9110 §10.1.1). */
  readonly expectsContinue: boolean;
  /** The protocols that the app may switch to, separated by commas; '' for none. */
  readonly offeredProtocols: string;
}

/**
 * RFC 9112 §3. A target has no fragment (RFC 9112 §3.2); bytes beyond ASCII pass, because many
 * clients send UTF-8.
 */
const lineForm = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([\x21\x22\x24-\x7e\x80-\xff]+) HTTP\/1\.([01])$/;
/** A number with more digits might not be a safe integer. */
const lengthForm = /^\d{1,15}$/;

interface Control extends ConnectionOptions {
  hosts: number;
  length: string | undefined;
  coding: string | undefined;
  expect: string | undefined;
  protocols: string;
}

export type RequestLine = Pick<TunnelRequestHead, 'method' | 'target' | 'version'>;

/** `line`: without its CRLF. Throws GatewayError invalid_request. */
export function requestLine(line: string): RequestLine {
  const match = lineForm.exec(line);
  if (match === null) throw invalid('This is not an HTTP/1.1 request.');
  const [, method = '', target = '', minor] = match;
  return { method, target, version: minor === '0' ? '1.0' : '1.1' };
}

/** Throws GatewayError invalid_request, not_implemented or expectation_failed. */
export function requestHead({ method, target, version }: RequestLine, headers: RawHeaders): TunnelRequestHead {
  const control = controlOf(headers);
  if (control.hosts > 1) throw invalid('The request has more than one Host.');
  if (control.hosts === 0 && version === '1.1') throw invalid('The request has no Host.');
  if (method === 'CONNECT') throw new GatewayError('not_implemented', 'CONNECT is not supported.');
  // An app that is a forward proxy would act on an absolute target.
  if (!target.startsWith('/') && !(target === '*' && method === 'OPTIONS')) {
    throw invalid('The request target must be a path.');
  }
  const lengthBytes = bodyLength(control, version);
  const { expect } = control;
  if (expect !== undefined && expect.toLowerCase() !== '100-continue') {
    throw new GatewayError('expectation_failed', 'Only the expectation 100-continue is supported.');
  }
  // A request with a body cannot switch protocols before its body has ended.
  const mayUpgrade = control.upgrade && lengthBytes === 'none' && version === '1.1';
  return {
    method,
    target,
    version,
    headers,
    lengthBytes,
    persistent: !control.close && (version === '1.1' || control.keepAlive),
    expectsContinue: expect !== undefined && version === '1.1',
    offeredProtocols: mayUpgrade ? offerableProtocols(control.protocols).join(', ') : '',
  };
}

/** RFC 9112 §6.3. */
function bodyLength({ length, coding }: Control, version: '1.0' | '1.1'): number | null | 'none' {
  if (coding !== undefined) {
    if (length !== undefined || version === '1.0') throw invalid('The framing of the request is ambiguous.');
    if (coding.toLowerCase() === 'chunked') return null;
    throw new GatewayError('not_implemented', 'Only the transfer coding "chunked" is supported.');
  }
  if (length === undefined) return 'none';
  if (!lengthForm.test(length)) throw invalid('Content-Length is not a valid number.');
  return Number(length) || 'none';
}

function controlOf(headers: RawHeaders): Control {
  const control: Control = {
    hosts: 0,
    length: undefined,
    coding: undefined,
    expect: undefined,
    protocols: '',
    close: false,
    keepAlive: false,
    upgrade: false,
  };
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? '';
    const value = headers[i + 1] ?? '';
    // By length first: most names need no further comparison.
    switch (name.length) {
      case 4:
        if (name.toLowerCase() === 'host') control.hosts += 1;
        break;
      case 6:
        if (name.toLowerCase() === 'expect') control.expect = joined(control.expect, value);
        break;
      case 7:
        if (name.toLowerCase() === 'upgrade') control.protocols = `${control.protocols},${value}`;
        break;
      case 10:
        if (name.toLowerCase() === 'connection') addOptions(control, value);
        break;
      case 14:
        // Repeated fields are joined to a value that is not a number, which is then rejected.
        if (name.toLowerCase() === 'content-length') control.length = joined(control.length, value);
        break;
      case 16:
        // Not a standard field (RFC 9112 Appendix C.2.2); some clients close connections by it.
        if (name.toLowerCase() === 'proxy-connection') addOptions(control, value);
        break;
      case 17:
        if (name.toLowerCase() === 'transfer-encoding') control.coding = joined(control.coding, value);
        break;
      default:
    }
  }
  return control;
}

function invalid(detail: string): GatewayError {
  return new GatewayError('invalid_request', detail);
}
