// Parses `Forwarded` (RFC 7239 §4). Proxies append to what clients may have written, so it is read
// from the end: a quote that a client left open must not swallow what a later proxy added.

export interface ForwardedElement {
  /** Unquoted: an address, `unknown` or an obfuscated identifier. '' when the element has none. */
  readonly for: string;
  readonly host: string;
  readonly proto: string;
}

/** In the order of the header. Everything before a malformed element is ignored. */
export function forwardedElements(value: string): ForwardedElement[] {
  const elements: ForwardedElement[] = [];
  let end = value.length;
  while (end >= 0) {
    const found = lastElement(value, end);
    if (found === undefined) break;
    elements.push(found.element);
    end = found.start - 1;
  }
  return elements.reverse();
}

/**
 * The shortest element before `end` that starts after a comma or at the start of the text. Commas
 * may be quoted, so more than one comma is tried.
 */
function lastElement(value: string, end: number): { element: ForwardedElement; start: number } | undefined {
  let comma = end;
  do {
    comma = comma === 0 ? -1 : value.lastIndexOf(',', comma - 1);
    const element = parseElement(value.slice(comma + 1, end));
    if (element !== undefined) return { element, start: comma + 1 };
  } while (comma !== -1);
  return undefined;
}

/**
 * token "=" ( token / quoted-string ), with the separator. Sticky: pairs must follow each other
 * without a gap.
 */
const pair = /[\t ]*([\w!#$%&'*+.^`|~-]+)=(?:([\w!#$%&'*+.^`|~:[\]-]+)|"((?:[^"\\]|\\.)*)")[\t ]*(;|$)/y;

function parseElement(text: string): ForwardedElement | undefined {
  const named = new Map<string, string>();
  pair.lastIndex = 0;
  while (pair.lastIndex < text.length) {
    const match = pair.exec(text);
    if (match === null) return undefined;
    const name = (match[1] ?? '').toLowerCase();
    // RFC 7239 §4: each parameter at most once.
    if (named.has(name)) return undefined;
    named.set(name, match[2] ?? (match[3] ?? '').replaceAll(/\\(.)/g, '$1'));
  }
  if (named.size === 0) return undefined;
  return { for: named.get('for') ?? '', host: named.get('host') ?? '', proto: named.get('proto') ?? '' };
}
