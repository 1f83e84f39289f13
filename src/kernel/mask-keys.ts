// Owns how a key of the gateway's own form is taken out of text that it does not belong in: paths, names, agents.

/** product-spec §5, and pieces of one that still say much. */
const anyKey = /sk_(live|test)_[0-9A-Za-z]{8,}/g;

export function maskKeys(text: string): string {
  return text.includes('sk_') ? text.replace(anyKey, 'sk_$1_***') : text;
}
