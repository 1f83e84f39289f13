// Optional whitespace around header field values (RFC 9110 §5.6.3): space and tab only,
// unlike trim().

/**
 * In one pass: an expression such as `/[ \t]+$/` would rescan every run of spaces from each of
 * its characters.
 */
export function trimOws(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isOws(text.charCodeAt(start))) start += 1;
  while (end > start && isOws(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

function isOws(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
