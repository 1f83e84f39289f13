// Makes untrusted text safe to display: it cannot move the cursor, hide text or reorder it.

// C0, DEL, C1, then characters that reorder or hide text: soft hyphen, zero width, bidirectional
// controls, line separators, tags.
const unsafe =
  // eslint-disable-next-line no-control-regex -- they are what this is about
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]|\p{Cs}/gu;
const plain = /^[\x20-\x7e]*$/;
/** Further characters of which a name shows nothing, or no more than a space. */
const unseen = /\p{Default_Ignorable_Code_Point}|(?! )\p{Z}|^ | $| (?= )|\u2800/gu;

/** One line that is safe for a terminal. */
export function printable(text: string, maxCharacters = 200): string {
  const clean = text.replace(unsafe, '');
  return clean.length > maxCharacters ? `${clean.slice(0, maxCharacters - 1)}…` : clean;
}

/**
 * For names that people choose by: two names that differ show different text. Has the escapes of
 * JSON, for backslashes too.
 */
export function distinctName(name: string, maxCharacters = 200): string {
  const shown = escapeJson(JSON.stringify(name).slice(1, -1)).replace(unseen, unitsOf);
  return shown.length > maxCharacters ? `${shown.slice(0, maxCharacters - 1)}…` : shown;
}

/** JSON on one line, with everything escaped that printable() would drop. */
export function printableJson(value: unknown): string {
  return escapeJson(JSON.stringify(value));
}

/** Equivalent JSON, with everything escaped that printable() would drop. */
export function escapeJson(json: string): string {
  // The usual case, checked with one test instead of many replacements.
  if (plain.test(json)) return json;
  return json.replace(unsafe, unitsOf);
}

/** The escapes of JSON for one character. */
function unitsOf(character: string): string {
  return Array.from(
    { length: character.length },
    (_, i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`,
  ).join('');
}
