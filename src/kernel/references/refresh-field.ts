// The URL in a Refresh field, read as browsers do (WHATWG HTML, shared declarative refresh steps).
// No package for this field was found.

/** The part before the URL, which may be quoted: seconds, a separator and `url=`. */
const beforeUrl = /^[\t ]*(?:\d[\d.]*|\.[\d.]*)(?:[\t ]*[;,][\t ]*|[\t ]+)(?:url[\t ]*=[\t ]*)?/i;

const encodedQuotes: Readonly<Record<string, string>> = { '"': '%22', "'": '%27' };

/** The value with its URL replaced by `rewrite(url)`. A value without a URL stays as it is. */
export function rewriteRefresh(value: string, rewrite: (url: string) => string): string {
  const start = beforeUrl.exec(value)?.[0];
  if (start === undefined) return value;
  const quote = /^["']/.exec(value.slice(start.length, start.length + 1))?.[0] ?? '';
  const rest = value.slice(start.length + quote.length);
  const end = quote === '' ? -1 : rest.indexOf(quote);
  const url = end === -1 ? rest : rest.slice(0, end);
  if (url === '') return value;
  const rewritten = rewrite(url);
  if (rewritten === url) return value;
  // A quote that the rewrite added would end the URL.
  const encoded = quote === '' ? rewritten : rewritten.replaceAll(quote, encodedQuotes[quote] ?? '');
  return `${start}${quote}${encoded}${end === -1 ? '' : rest.slice(end)}`;
}
