// Masks secrets that are recognisable by their form where they do not belong: paths, names, user
// agents, and text that users entered in the wrong place.

/** A whole API key, or a part that is long enough to help in guessing it. */
const anyKey = /sk_(live|test)_[0-9A-Za-z]{8,}/g;
/** More than a key id, which is not secret. */
const beyondKeyId = /(sk_(?:live|test)_[0-9A-Za-z]{16})[0-9A-Za-z]+/g;
/** RFC 3986 §3.2.1. */
const userInfo = /\/\/[^/?#\s"'`<>]*@/g;

export function maskKeys(text: string): string {
  return text.includes('sk_') ? text.replace(anyKey, 'sk_$1_***') : text;
}

/**
 * For lines that are not meant to contain secrets: masks the part of a key after its id, and the
 * user and password of a URL.
 */
export function maskSecrets(line: string): string {
  const masked = line.includes('sk_') ? line.replace(beyondKeyId, '$1***') : line;
  return masked.includes('//') ? masked.replace(userInfo, '//***@') : masked;
}
