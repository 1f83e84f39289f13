// Moves an app's references to its own paths, and its cookies, below the prefix under which clients
// find it. References to other origins stay as they are. Not set-cookie-parser: it decodes values
// and loses the spelling of attributes, which must stay.
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
  /** Directory of the request target as the app saw it, from directoryOf(). */
  readonly directory: string;
  /** The directory without dot segments, from baseOf(). */
  readonly base: string;
  /** The client's path ends with the lease, so relative references do not resolve below the app. */
  readonly bare: boolean;
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
  return place.bare || hasDots(pathOf(reference)) ? pathBelow(place.base + reference, place) : reference;
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

/** One cookie (RFC 6265 §4.1), with its path moved below the prefix and without Domain. */
export function cookieBelow(cookie: string, place: Place): string {
  const [pair = '', ...attributes] = cookie.split(';');
  const kept = [pair];
  let path: string | undefined;
  let pathAt = -1;
  for (const attribute of attributes) {
    const equals = attribute.indexOf('=');
    const name = (equals === -1 ? attribute : attribute.slice(0, equals)).trim().toLowerCase();
    if (name === 'domain') continue;
    if (name !== 'path') kept.push(attribute);
    else {
      // The last Path counts (RFC 6265 §5.3). Written only once, because it can be as long as the
      // request target.
      path = equals === -1 ? '' : attribute.slice(equals + 1).trim();
      if (pathAt === -1) pathAt = kept.push('') - 1;
    }
  }
  if (path?.startsWith('/') !== true && place.directory.length > maxCookiePathLength) {
    if (pathAt !== -1) kept.splice(pathAt, 1);
    return kept.join(';');
  }
  const attribute = ` Path=${cookiePath(path ?? '', place)}`;
  if (pathAt === -1) kept.push(attribute);
  else kept[pathAt] = attribute;
  return kept.join(';');
}

/**
 * Browsers ignore a longer Path (RFC 6265bis §5.6) and use the directory of the request, which has
 * the same effect. Without this limit, thousands of cookies in one response would each copy the
 * target.
 */
const maxCookiePathLength = 1024;

/** RFC 6265 §5.2.4: a cookie without a Path applies to the directory of the request. */
function cookiePath(path: string, place: Place): string {
  const own = path.startsWith('/') ? path : place.directory.slice(0, -1);
  if (isBelow(own, place.prefix)) return own;
  // Without a trailing slash it matches both `/peer/app` and `/peer/app/`, but not
  // `/peer/application` (§5.1.4).
  return (own === '/' ? place.prefix : place.prefix + own).replaceAll(';', '%3B');
}

function pathBelow(path: string, { prefix }: Place): string {
  const plain = withoutDotsOf(path);
  return isBelow(plain, prefix) ? plain : prefix + plain;
}

/** Whether the path has the prefix already, because the app heeds X-Forwarded-Prefix. */
function isBelow(path: string, prefix: string): boolean {
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
