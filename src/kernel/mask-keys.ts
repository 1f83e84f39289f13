// Owns how a secret that can be told by its form is taken out of text that it does not belong in: paths, names, agents, and what people
// typed in the wrong place.

/** A whole API key, or a part of one that is long enough to help in guessing it. */
const anyKey = /sk_(live|test)_[0-9A-Za-z]{8,}/g;
/** More than a key id, which is no secret. */
const beyondKeyId = /(sk_(?:live|test)_[0-9A-Za-z]{16})[0-9A-Za-z]+/g;
/** RFC 3986 §3.2.1 */
const userInfo = /\/\/[^/?#\s"'`<>]*@/g;

export function maskKeys(text: string): string {
  return text.includes('sk_') ? text.replace(anyKey, 'sk_$1_***') : text;
}

/** For lines that are not made for it: what stands behind a key id, and the user and password of a URL. */
export function maskSecrets(line: string): string {
  const masked = line.includes('sk_') ? line.replace(beyondKeyId, '$1***') : line;
  return masked.includes('//') ? masked.replace(userInfo, '//***@') : masked;
}
