// The Origin field (RFC 6454 §7), if it names a single origin.

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
