// Finds keys in header values that are meant for the app, in any shape that a client may give them
// by mistake: joined, quoted, cut, or encoded so that no strict parser reads them. Where this finds
// a key, the value does not reach the app. Verifies nothing.
import { textOf, utf8 } from './header-text.ts';

/** How to recognise keys in text. */
export interface KeySigns {
  /** Whether a key begins somewhere in the text. Takes time linear in its length. */
  readonly beginsIn: (text: string) => boolean;
  /** Whether the token is a key as a whole. */
  readonly isKey: (token: string) => boolean;
}

/** Of one value, because each costs a hash. No client makes a longer value by mistake. */
const maxTokens = 256;
const maxSpans = 2048;
const maxPieces = 16;
/** From each end of a text. All spans between them are tried. */
const maxBounds = 20;
/** The longest key that a configuration may hold. */
const maxKeyCharacters = 512;
/** Base64 of Base64 occurs where a secret was encoded for a file format, and then again. */
const maxDecodings = 2;
/** Base64 of a short key, so that few decoded texts are decoded again. */
const longRun = /[\w+/-]{32}/;
/** The most frequent token of apps. No client puts a key into one by mistake. */
const jwt = /^(?:bearer )?eyJ[\w-]+\.[\w-]+\.[\w-]+$/i;
const notBase64 = /[^\w+/-]+/;
const separators = /[\s,;:"'=<>()[\]{}]+/;
const separator = /[\s,;:"'=<>()[\]{}]/g;
/** Text has none of these: the bytes are binary, or were decoded at a wrong offset. */
// eslint-disable-next-line no-control-regex -- These are what it looks for.
const controls = /[\0-\x08\x0e-\x1f\x7f]/;

export function holdsKey(value: string, signs: KeySigns): boolean {
  let tokensLeft = maxTokens;
  let spansLeft = maxSpans;
  for (const text of readings(utf8(value), maxDecodings)) {
    if (signs.beginsIn(text)) return true;
    if (controls.test(text)) continue;
    const tokens = tokensIn(text, tokensLeft);
    const spans = spansIn(text, spansLeft);
    if (tokens.some(signs.isKey) || spans.some(signs.isKey)) return true;
    tokensLeft -= tokens.length;
    spansLeft -= spans.length;
  }
  return false;
}

/** The text itself, and every text that a lenient reader could decode from it. */
function* readings(text: string, decodings: number): Generator<string> {
  yield text;
  const plain = text.includes('%') ? percentDecoded(text) : text;
  if (plain !== text) yield plain;
  if (decodings === 0 || jwt.test(plain) || (decodings < maxDecodings && !longRun.test(plain))) return;
  for (const encoded of new Set(base64In(plain))) {
    // Without the zeros, UTF-16 reads as ASCII.
    const decoded = textOf(Buffer.from(encoded, 'base64')).replaceAll('\0', '');
    yield* readings(decoded, decodings - 1);
  }
}

/**
 * Each piece; of each joined value everything after the scheme, because Base64 may be broken into
 * lines; and the whole at any of the four offsets at which a lenient reader may begin.
 */
function* base64In(text: string): Generator<string> {
  const pieces = text.split(notBase64);
  yield* pieces.slice(0, maxPieces);
  for (const value of text.split(',', maxPieces)) yield value.trim().split(notBase64).slice(1).join('');
  const letters = pieces.join('');
  for (let offset = 0; offset < 4; offset += 1) yield letters.slice(offset);
}

function percentDecoded(text: string): string {
  return utf8(text.replace(/%([\da-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))));
}

/** Keys may have any characters, so the text after each colon counts too, as in `user:password`. */
function tokensIn(text: string, max: number): string[] {
  if (max <= 0) return [];
  const trimmed = text.trim();
  const tokens = [trimmed, ...trimmed.split(separators, max)];
  const end = trimmed.slice(-maxKeyCharacters - 1);
  for (let at = end.indexOf(':'); at !== -1 && tokens.length < max; at = end.indexOf(':', at + 1)) {
    tokens.push(end.slice(at + 1));
  }
  return [...new Set(tokens)].filter((token) => token !== '' && token.length <= maxKeyCharacters);
}

/**
 * Keys may have any characters: Base64 ends with `=`, phrases have spaces. So these are the texts
 * from any separator to any other one.
 */
function spansIn(text: string, max: number): string[] {
  const bounds = boundsIn(text);
  const spans: string[] = [];
  for (const [i, from] of bounds.entries()) {
    for (const to of bounds.slice(i + 1)) {
      if (to - from <= maxKeyCharacters && spans.length < max) spans.push(text.slice(from, to));
    }
  }
  return spans;
}

/** The positions before and behind separators, in order: those closest to the ends of the text. */
function boundsIn(text: string): number[] {
  const endsAt = Math.max(0, text.length - 2 * maxKeyCharacters);
  const first = aroundSeparators(text.slice(0, 2 * maxKeyCharacters)).slice(0, maxBounds);
  const last = aroundSeparators(text.slice(endsAt)).slice(-maxBounds);
  return [...new Set([0, ...first, ...last.map((at) => endsAt + at), text.length])].sort((a, b) => a - b);
}

function aroundSeparators(text: string): number[] {
  const found = Array.from(text.matchAll(separator), ({ index }) => [index, index + 1]);
  return [...new Set(found.flat())];
}
