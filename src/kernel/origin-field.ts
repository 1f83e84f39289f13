// The Origin field (RFC 6454 §7): parses one origin, and replaces it among the headers of a request.
import type { RawHeaders } from './http.ts';

export interface NamedOrigin {
  readonly scheme: 'http' | 'https';
  /** Host and port as sent. */
  readonly authority: string;
}

const form = /^(https?):\/\/([^\s/?#@]+)$/i;

/** Undefined: `null`, a list, or an origin of another scheme. */
export function namedOrigin(value: string): NamedOrigin | undefined {
  const [, scheme, authority] = form.exec(value) ?? [];
  if (scheme === undefined || authority === undefined) return undefined;
  return { scheme: scheme.length === 4 ? 'http' : 'https', authority };
}

/** `replacement`: undefined leaves an origin as it is. Returns the same array if nothing changes. */
export function replaceOrigin<T extends RawHeaders>(
  headers: T,
  replacement: (origin: NamedOrigin) => string | undefined,
): T | string[] {
  let replaced: string[] | undefined;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? '';
    if (name.length !== 6 || name.toLowerCase() !== 'origin') continue;
    const origin = namedOrigin(headers[i + 1] ?? '');
    const value = origin && replacement(origin);
    if (value !== undefined) (replaced ??= headers.slice())[i + 1] = value;
  }
  return replaced ?? headers;
}
