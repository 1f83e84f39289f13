// Owns the form that the gateway's own API keys have (product-spec §5), for those who must tell them apart from all others.

const form = /^sk_(?:live|test)_[0-9A-Za-z]{48}$/;

/** Whatever its check says. */
export function isOwnKey(text: string): boolean {
  return form.test(text);
}
