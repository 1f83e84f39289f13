// Responses that the gateway or `expose` makes by itself: whole, and with headers that keep browsers from doing anything with them
// but show them. Responses of apps never pass here.

export interface WholeResponse {
  readonly status: number;
  /** Name, value, … with the length of the body. */
  readonly headers: readonly string[];
  readonly body: Uint8Array;
}

const plain: readonly string[] = [
  ...['X-Content-Type-Options', 'nosniff'],
  ...['Cache-Control', 'no-store'],
  ...['Referrer-Policy', 'no-referrer'],
  ...['X-Frame-Options', 'DENY'],
];

/** A year, without subdomains: those may be apps. */
const strictTransport: readonly string[] = ['Strict-Transport-Security', 'max-age=31536000'];

/** Runs nothing, loads nothing, is framed nowhere. `styles`: what a page of ours may use, as a source list. */
export function contentPolicy(styles = ''): string {
  const style = styles === '' ? '' : ` style-src ${styles};`;
  return `default-src 'none';${style} base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;
}

/** Beside the response's own headers. `encrypted`: browsers heed the last one over TLS only (RFC 6797 §7.2). */
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
