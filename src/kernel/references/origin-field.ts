// The origin in an Origin field (RFC 6454 §7), if it names a single one, or in a URL.

export interface NamedOrigin {
  readonly scheme: 'http' | 'https';
  /** Host and port as sent. */
  readonly authority: string;
}

const form = /^(https?):\/\/([^\s/?#@]+)$/i;
const url = /^https?:\/\/[^\s/?#@]+(?=[/?#]|$)/i;

/** Undefined: `null`, a list, or an origin of another scheme. */
export function namedOrigin(value: string): NamedOrigin | undefined {
  const [, scheme, authority] = form.exec(value) ?? [];
  if (scheme === undefined || authority === undefined) return undefined;
  return { scheme: scheme.length === 4 ? 'http' : 'https', authority };
}

/** Undefined: no absolute URL, one of another scheme, or one with a user. */
export function originOfUrl(value: string): NamedOrigin | undefined {
  return namedOrigin(url.exec(value)?.[0] ?? '');
}
