// Moves an app's references to its own paths below the prefix under which clients find it.
// References to other origins stay as they are.
import { absoluteReference, type ClientOrigin, isOneOf, urlAt } from '../kernel/references/own-reference.ts';

/** Where the app sees itself, and where the client sees the app. */
export interface Place {
  /** Where the client finds the app's `/`: `/peer/my%20app`. */
  readonly prefix: string;
  /** The common start of the prefixes of all apps: a path below it is a client's path already. */
  readonly root: string;
  /** The Host that the app received, which it may use to refer to itself. */
  readonly host: string;
  /** X-Forwarded-Host and -Proto, which the app may also use to refer to itself. */
  readonly client: ClientOrigin;
  /** Directory of the request target below the prefix, from directoryOf(). */
  readonly directory: string;
  /** Directory of the target that the app received, without dot segments, from baseOf(). */
  readonly base: string;
  /** The client's path ends with the lease, so relative references do not resolve below the app. */
  readonly bare: boolean;
  /**
   * Where the app receives the prefix, so that its paths are the client's: whether a path is below
   * one of the app's prefixes. Undefined where the prefix is removed.
   */
  readonly owns: ((path: string) => boolean) | undefined;
}

/** Converts a URI reference (RFC 3986 §4.1) of the app to the one that the client needs. */
export function referenceBelow(reference: string, place: Place): string {
  const absolute = absoluteReference(reference);
  if (absolute !== undefined) {
    const { authority, path } = absolute;
    if (!isOneOf([place.client.authority], authority)) {
      return isOneOf([place.host], authority) ? clientPath(path, place) : reference;
    }
    // The app used its public address, from X-Forwarded-Host and -Prefix.
    return withoutDotsOf(path).startsWith(place.root) ? reference : pathBelow(path, place);
  }
  if (reference.startsWith('/')) return pathBelow(reference, place);
  // Browsers read the backslash as a slash. Followed by another slash it starts the host of another
  // origin.
  if (/^\\(?!\t*[/\\])/.test(reference)) return pathBelow(`/${reference.slice(1)}`, place);
  // Only a query or a fragment, another scheme, or an empty reference.
  if (/^(?:$|[?#]|[a-z][a-z\d+.-]*:)/i.test(reference)) return reference;
  return place.bare || hasDots(pathOf(reference)) ? resolved(reference, place) : reference;
}

/** Resolves a relative reference as the app does, but never out of the app. */
function resolved(reference: string, place: Place): string {
  const path = withoutDotsOf(place.base + reference);
  // Without a slash after the lease, `next` would be another lease; `my-app/next` need not be.
  if (place.bare && place.owns?.(path) === false) return pathBelow(`/${reference}`, place);
  return pathBelow(path, place);
}

/** Like referenceBelow(), for an http or https URL that must stay absolute. */
export function urlBelow(url: string, place: Place): string {
  const absolute = absoluteReference(url);
  if (absolute === undefined || !isOneOf([place.host, place.client.authority], absolute.authority)) return url;
  return urlAt(place.client, clientPath(absolute.path, place), url);
}

/** An app may heed X-Forwarded-Prefix and still use the Host that it received. */
function clientPath(path: string, place: Place): string {
  const plain = withoutDotsOf(path);
  return plain.startsWith(place.root) ? plain : pathBelow(plain, place);
}

function pathBelow(path: string, { prefix, root, owns }: Place): string {
  const plain = withoutDotsOf(path);
  const isClientPath = isBelow(plain, prefix) || (owns !== undefined && plain.startsWith(root));
  return isClientPath ? plain : prefix + plain;
}

/** Whether the path has the prefix already, because the app heeds X-Forwarded-Prefix. */
export function isBelow(path: string, prefix: string): boolean {
  return path.startsWith(prefix) && /^(?:$|[/?#])/.test(path.slice(prefix.length, prefix.length + 1));
}

function pathOf(reference: string): string {
  const end = reference.search(/[?#]/);
  return end === -1 ? reference : reference.slice(0, end);
}

/** The directory of a request target, with its trailing slash. */
export function directoryOf(target: string): string {
  const path = pathOf(target);
  return path.slice(0, path.lastIndexOf('/') + 1) || '/';
}

/** Computed once for each response: apps may send thousands of relative references. */
export function baseOf(directory: string): string {
  return withoutDots(directory);
}

/**
 * A dot segment (`.` or `..`). Clients read `%2e` as a dot and a backslash as a slash (WHATWG URL).
 */
const dots = /(?:^|[/\\])(?:\.|%2e){1,2}(?:$|[/\\])/i;

function hasDots(path: string): boolean {
  return dots.test(withoutTabs(path));
}

/** Clients ignore tabs anywhere in a URL. */
function withoutTabs(path: string): string {
  return path.includes('\t') ? path.replaceAll('\t', '') : path;
}

/**
 * Removes dot segments from a reference that begins with a slash. Otherwise the client would
 * resolve them above the prefix, although the app meant its own root.
 */
function withoutDotsOf(reference: string): string {
  const end = pathOf(reference).length;
  return withoutDots(reference.slice(0, end)) + reference.slice(end);
}

/** Removes the dot segments of an absolute path (RFC 3986 §5.2.4). */
function withoutDots(path: string): string {
  if (!hasDots(path)) return path;
  const kept: string[] = [];
  const segments = withoutTabs(path).split(/[/\\]/).slice(1);
  for (const [i, segment] of segments.entries()) {
    const plain = segment.replaceAll(/%2e/gi, '.');
    if (plain === '..') kept.pop();
    if (plain !== '..' && plain !== '.') kept.push(segment);
    else if (i === segments.length - 1) kept.push('');
  }
  return `/${kept.join('/')}`;
}
