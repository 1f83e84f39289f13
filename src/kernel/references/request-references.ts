// The request fields in which a client names the app by the host that it uses: the referring page
// (Origin, Referer), and other resources of the app in WebDAV (RFC 4918 §10: Destination, and the
// tags of If).
import type { RawHeaders } from '../http/http.ts';
import { type NamedOrigin, namedOrigin } from './origin-field.ts';

export interface RequestReferenceMap {
  /** Undefined: the field is unchanged. */
  origin(origin: NamedOrigin): string | undefined;
  /** The URL in Referer. */
  page(url: string): string;
  /** A URL or a path. */
  resource(reference: string): string;
}

/** Returns the same array if nothing changes. */
export function mapRequestReferences<T extends RawHeaders>(headers: T, map: RequestReferenceMap): T | string[] {
  let mapped: string[] | undefined;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? '';
    // Compares the length first, because most names need no further comparison.
    if (name.length !== 2 && name.length !== 6 && name.length !== 7 && name.length !== 11) continue;
    const value = headers[i + 1] ?? '';
    const replacement = mappedValue(name.toLowerCase(), value, map);
    if (replacement !== value) (mapped ??= headers.slice())[i + 1] = replacement;
  }
  return mapped ?? headers;
}

function mappedValue(name: string, value: string, map: RequestReferenceMap): string {
  switch (name) {
    case 'if':
      return rewriteTags(value, map);
    case 'origin': {
      const origin = namedOrigin(value);
      return (origin && map.origin(origin)) ?? value;
    }
    case 'referer':
      return map.page(value);
    case 'destination':
      return map.resource(value);
    default:
      return value;
  }
}

/**
 * RFC 4918 §10.4.2: URLs in angle brackets are resources before a list, and lock tokens within its
 * parentheses.
 */
function rewriteTags(value: string, map: RequestReferenceMap): string {
  let written = '';
  let copied = 0;
  let at = 0;
  while (at < value.length) {
    const character = value[at];
    at += 1;
    if (character !== '<' && character !== '(') continue;
    const end = character === '<' ? value.indexOf('>', at) : endOfList(value, at);
    if (end === -1) break;
    if (character === '<') {
      written += value.slice(copied, at) + map.resource(value.slice(at, end));
      copied = end;
    }
    at = end;
  }
  return written + value.slice(copied);
}

/**
 * Index of the end of the list whose content begins at `from`, or -1. Entity tags in it are quoted.
 */
function endOfList(value: string, from: number): number {
  let isQuoted = false;
  for (let i = from; i < value.length; i += 1) {
    if (value[i] === '"') isQuoted = !isQuoted;
    else if (value[i] === ')' && !isQuoted) return i;
  }
  return -1;
}
