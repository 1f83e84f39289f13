// Text of a request for logs: bounded, decoded as UTF-8, with keys masked. Does not remove control
// characters; printable() and printableJson() do.
import { maskKeys } from './mask-keys.ts';

/** `text`: one character for each byte, as HTTP readers deliver it. */
export function requestText(text: string, maxCharacters: number): string {
  let whole = text.length > maxCharacters ? `${text.slice(0, maxCharacters)}...` : text;
  if (/[\u0080-\u00ff]/.test(whole)) whole = Buffer.from(whole, 'latin1').toString();
  return maskKeys(whole);
}
