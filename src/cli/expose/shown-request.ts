// The method and path of a request as text for people: bounded, without control characters, with
// keys masked.
import { printable } from '../../kernel/printable.ts';
import { requestText } from '../../kernel/request-text.ts';

const maxMethodCharacters = 32;
const maxPathCharacters = 200;
/** For a request that could not be read. */
const absent = '-';

export function shownRequest(method: string, path: string): { readonly method: string; readonly path: string } {
  return { method: shown(method, maxMethodCharacters), path: shown(path, maxPathCharacters) };
}

/** Decoding and masking change the length, so that the result is bounded too. */
function shown(text: string, maxCharacters: number): string {
  return printable(requestText(text, 4 * maxCharacters), maxCharacters) || absent;
}
