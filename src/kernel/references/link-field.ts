// The URI references in a Link field (RFC 8288 §3): its targets, and the `anchor` parameters that
// replace their context. Relation types that are URIs are names and stay as they are. Reads
// malformed values as far as they make sense, as clients do (RFC 8288 appendix B.2).
// http-link-header returns no positions, and every other byte must stay as it is.
import { absoluteReference } from './own-reference.ts';

/** One link-value: the positions of its references in the field, and the relation types. */
interface LinkValue {
  readonly references: (readonly [from: number, to: number])[];
  relations: string;
  /** Where the next link-value begins. */
  end: number;
}

/**
 * Relation types of resources that the content refers to as well. Their relative references must
 * stay equal to those in the content, which is never rewritten: otherwise a preloaded stylesheet
 * would be loaded twice.
 */
const ofContent: ReadonlySet<string> = new Set([
  ...[
    'dns-prefetch',
    'icon',
    'manifest',
    'modulepreload',
    'preconnect',
    'prefetch',
    'preload',
    'prerender',
    'stylesheet',
  ],
]);
const parameterName = /^[\t ]*(anchor|rel)[\t ]*=[\t ]*$/i;
const unquotedRelation = /^[\t ]*rel[\t ]*=[\t ]*([\w.:-]+)[\t ]*$/i;
/** Characters of a rewritten reference that would end it. */
const ending = /[<>"\\]/g;

/**
 * Replaces the references in the value by `rewrite`. Undefined: the result would exceed `maxChars`.
 */
export function rewriteLink(
  value: string,
  rewrite: (reference: string) => string,
  maxChars: number,
): string | undefined {
  let written = '';
  let copied = 0;
  for (let at = 0; at < value.length;) {
    const link = linkValueAt(value, at);
    at = link.end;
    for (const [from, to] of link.references) {
      const reference = value.slice(from, to);
      if (absoluteReference(reference) === undefined && isOfContent(link.relations)) continue;
      const rewritten = rewrite(reference);
      if (rewritten === reference) continue;
      written += value.slice(copied, from) + rewritten.replaceAll(ending, encodeURIComponent);
      copied = to;
      if (written.length + value.length - copied > maxChars) return undefined;
    }
  }
  return copied === 0 ? value : written + value.slice(copied);
}

/** Also true without relation types: such a link has no meaning (RFC 8288 §3.3). */
function isOfContent(relations: string): boolean {
  return (
    relations === '' ||
    relations
      .toLowerCase()
      .split(' ')
      .some((relation) => ofContent.has(relation))
  );
}

function linkValueAt(value: string, from: number): LinkValue {
  const link: LinkValue = { references: [], relations: '', end: value.length };
  let parameterAt = from;
  for (let at = from; at < value.length; at += 1) {
    const character = value[at];
    if (character === '<') {
      const to = value.indexOf('>', at);
      if (to === -1) return link;
      link.references.push([at + 1, to]);
      at = to;
    } else if (character === '"') {
      const name = parameterName.exec(value.slice(parameterAt, at))?.[1]?.toLowerCase();
      const to = endOfQuoted(value, at + 1);
      if (to === -1) return link;
      if (name === 'anchor') link.references.push([at + 1, to]);
      else if (name === 'rel') link.relations ||= value.slice(at + 1, to);
      at = to;
      parameterAt = to + 1;
    } else if (character === ';' || character === ',') {
      link.relations ||= unquotedRelation.exec(value.slice(parameterAt, at))?.[1] ?? '';
      parameterAt = at + 1;
      if (character === ';') continue;
      link.end = at + 1;
      return link;
    }
  }
  link.relations ||= unquotedRelation.exec(value.slice(parameterAt))?.[1] ?? '';
  return link;
}

/**
 * Index of the closing quote of the quoted string (RFC 9110 §5.6.4) whose content begins at
 * `from`, or -1.
 */
function endOfQuoted(value: string, from: number): number {
  for (let i = from; i < value.length; i += 1) {
    if (value[i] === '"') return i;
    if (value[i] === '\\') i += 1;
  }
  return -1;
}
