// The format of the gateway's own API keys, for code that must recognise them among other
// credentials.

const form = /^sk_(?:live|test)_[0-9A-Za-z]{48}$/;
const runs = /sk_(?:live|test)_[0-9A-Za-z]{48,}/g;
const keyCharacters = 'sk_live_'.length + 48;

/** True if the text has the form of a key, whether or not its checksum is valid. */
export function isOwnKey(text: string): boolean {
  return form.test(text);
}

export interface KeyInText {
  readonly key: string;
  /** No letter or digit follows. Otherwise it may be the beginning of another service's token. */
  readonly isWhole: boolean;
}

/** Everything in the form of a key that stands anywhere in the text. */
export function ownKeysIn(text: string): KeyInText[] {
  if (!text.includes('sk_')) return [];
  return Array.from(text.matchAll(runs), ([run]) => ({
    key: run.slice(0, keyCharacters),
    isWhole: run.length === keyCharacters,
  }));
}
