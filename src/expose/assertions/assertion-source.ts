// Where `expose` reads the keys of its gateway: the argument of --require-assertion. Apart from the
// gate, so that parsing a command line does not load the code that checks signatures.

export type AssertionSource =
  { readonly kind: 'url'; readonly url: URL } | { readonly kind: 'file'; readonly path: string };

/**
 * Throws RangeError for a plain http URL of another host: an attacker on the path could substitute
 * the keys. On loopback there is no such path.
 */
export function parseAssertionSource(text: string): AssertionSource {
  const url = /^https?:/i.test(text) ? URL.parse(text) : null;
  if (url === null) return { kind: 'file', path: text };
  const isHere = ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname);
  if (url.protocol !== 'https:' && !isHere) throw new RangeError('The URL of the keys must begin with https://.');
  return { kind: 'url', url };
}
