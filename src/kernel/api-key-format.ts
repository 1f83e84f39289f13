// The format of the gateway's own API keys, for code that must recognise them among other
// credentials.

const form = /^sk_(?:live|test)_[0-9A-Za-z]{48}$/;

/** True if the text has the form of a key, whether or not its checksum is valid. */
export function isOwnKey(text: string): boolean {
  return form.test(text);
}
