// The URLs in a WWW-Authenticate field: a `realm` or `resource_metadata` (RFC 9728 §5.1) that names
// the app. Clients expect absolute URLs, so they stay absolute. Any parameter may contain one, even
// without the required quotes. A parser of the grammar would miss those.

/** Preceded by the start of the value or by a separator. */
const url = /(?<![^\s",=])https?:\/\/[^\s",\\]+/gi;

/** Replaces the URLs in the value by `rewrite`. Undefined: the result would exceed `maxChars`. */
export function rewriteChallenge(
  value: string,
  rewrite: (url: string) => string,
  maxChars: number,
): string | undefined {
  if (!value.includes('://')) return value;
  let written = '';
  let copied = 0;
  for (const { 0: found, index } of value.matchAll(url)) {
    const rewritten = rewrite(found);
    if (rewritten === found) continue;
    written += value.slice(copied, index) + rewritten.replaceAll(/["\\]/g, encodeURIComponent);
    copied = index + found.length;
    if (written.length + value.length - copied > maxChars) return undefined;
  }
  return copied === 0 ? value : written + value.slice(copied);
}
