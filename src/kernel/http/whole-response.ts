// Responses that the gateway or `expose` makes itself: complete in memory, with headers that
// restrict browsers to displaying them. Responses of apps do not pass through here.

export interface WholeResponse {
  readonly status: number;
  /** Raw pairs, Content-Length included. */
  readonly headers: readonly string[];
  readonly body: Uint8Array;
}

const plain: readonly string[] = [
  ...['X-Content-Type-Options', 'nosniff'],
  ...['Cache-Control', 'no-store'],
  ...['Referrer-Policy', 'no-referrer'],
  ...['X-Frame-Options', 'DENY'],
];

/** One year, without subdomains, because those may be apps. */
const strictTransport: readonly string[] = ['Strict-Transport-Security', 'max-age=31536000'];

/**
 * Content security policy: no scripts, no loading, no framing. `styles`: the source list of allowed
 * styles.
 */
export function contentPolicy(styles = ''): string {
  const style = styles === '' ? '' : ` style-src ${styles};`;
  return `default-src 'none';${style} base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;
}

/**
 * Added to every response that the gateway or `expose` makes. `encrypted`: adds
 * Strict-Transport-Security, which browsers ignore without TLS (RFC 6797 §7.2).
 */
export function securityHeaders(encrypted: boolean): readonly string[] {
  return encrypted ? plain.concat(strictTransport) : plain;
}

export function wholeResponse(status: number, contentType: string, body: Uint8Array, policy?: string): WholeResponse {
  const headers = ['Content-Type', contentType, 'Content-Length', String(body.length)];
  headers.push('Content-Security-Policy', policy ?? contentPolicy());
  return { status, headers, body };
}

export function jsonResponse(status: number, value: object): WholeResponse {
  return wholeResponse(status, 'application/json', Buffer.from(`${JSON.stringify(value)}\n`));
}
