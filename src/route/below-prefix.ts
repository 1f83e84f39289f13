// Moves references of an app to its own paths, and its cookies, below the prefix under which clients find it. References to other origins
// stay as they are.
import { absoluteReference, type ClientOrigin, isOneOf, urlAt } from '../kernel/references/own-reference.ts';

/** Where an app is for itself, and where it is for the client. */
export interface Place {
  /** Where the client finds the app's `/`: `/peer/my%20app`. */
  readonly prefix: string;
  /** In front of every app's prefix: what is below it is a client's path already. */
  readonly root: string;
  /** The Host that the app was sent, by which it may refer to itself. */
  readonly host: string;
  /** X-Forwarded-Host and -Proto, by which it may refer to itself as well. */
  readonly client: ClientOrigin;
  /** Of the request, as the app saw it: directoryOf() its target. */
  readonly directory: string;
  /** The same without dot segments: baseOf(directory). */
  readonly base: string;
  /** The client's path ends with the lease, so what is relative to it is not below the app. */
  readonly bare: boolean;
}

/** A URI reference (RFC 3986 §4.1), as it must be told to the client. */
export function referenceBelow(reference: string, place: Place): string {
  const absolute = absoluteReference(reference);
  if (absolute !== undefined) {
    const { authority, path } = absolute;
    if (!isOneOf([place.client.authority], authority)) {
      return isOneOf([place.host], authority) ? clientPath(path, place) : reference;
    }
    // The app knows where it is: X-Forwarded-Host and -Prefix told it.
    return withoutDotsOf(path).startsWith(place.root) ? reference : pathBelow(path, place);
  }
  if (reference.startsWith('/')) return pathBelow(reference, place);
  // A slash for browsers; with another one behind it, the host of another origin.
  if (/^\\(?!\t*[/\\])/.test(reference)) return pathBelow(`/${reference.slice(1)}`, place);
  // A query or a fragment alone, another scheme, or nothing at all.
  if (/^(?:$|[?#]|[a-z][a-z\d+.-]*:)/i.test(reference)) return reference;
  return place.bare || hasDots(pathOf(reference)) ? pathBelow(place.base + reference, place) : reference;
}

/** The same for an http or https URL that must stay absolute. */
export function urlBelow(url: string, place: Place): string {
  const absolute = absoluteReference(url);
  if (absolute === undefined || !isOneOf([place.host, place.client.authority], absolute.authority)) return url;
  return urlAt(place.client, clientPath(absolute.path, place), url);
}

/** An app may know its prefix from X-Forwarded-Prefix, and still use the Host that it was sent. */
function clientPath(path: string, place: Place): string {
  const plain = withoutDotsOf(path);
  return plain.startsWith(place.root) ? plain : pathBelow(plain, place);
}

/** RFC 6265 §4.1: one cookie, with its path below the prefix and for no other host. */
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
      // The last one counts (RFC 6265 §5.3). Once, because it can be as long as the target of the request.
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
 * Browsers ignore a longer Path (RFC 6265bis §5.6) and take the directory of the request, which is the same. Thousands of cookies in
 * one response would otherwise be thousands of copies of the target.
 */
const maxCookiePathLength = 1024;

/** RFC 6265 §5.2.4: without a path of its own a cookie is for the directory of the request. */
function cookiePath(path: string, place: Place): string {
  const own = path.startsWith('/') ? path : place.directory.slice(0, -1);
  if (isBelow(own, place.prefix)) return own;
  // Without a slash at its end it fits both `/peer/app` and `/peer/app/`, and not `/peer/application` (§5.1.4).
  return (own === '/' ? place.prefix : place.prefix + own).replaceAll(';', '%3B');
}

function pathBelow(path: string, { prefix }: Place): string {
  const plain = withoutDotsOf(path);
  return isBelow(plain, prefix) ? plain : prefix + plain;
}

/** Where an app heeds X-Forwarded-Prefix, it has done the work already. */
function isBelow(path: string, prefix: string): boolean {
  return path.startsWith(prefix) && /^(?:$|[/?#])/.test(path.slice(prefix.length, prefix.length + 1));
}

function pathOf(reference: string): string {
  const end = reference.search(/[?#]/);
  return end === -1 ? reference : reference.slice(0, end);
}

/** Of a request's target, with its slash. */
export function directoryOf(target: string): string {
  const path = pathOf(target);
  return path.slice(0, path.lastIndexOf('/') + 1) || '/';
}

/** Once for a response: apps may send thousands of relative references. */
export function baseOf(directory: string): string {
  return withoutDots(directory);
}

/** A segment that stands for this directory or the one above; clients read `%2e` as a dot and a backslash as a slash (WHATWG URL). */
const dots = /(?:^|[/\\])(?:\.|%2e){1,2}(?:$|[/\\])/i;

function hasDots(path: string): boolean {
  return dots.test(withoutTabs(path));
}

/** Clients ignore them anywhere in a URL. */
function withoutTabs(path: string): string {
  return path.includes('\t') ? path.replaceAll('\t', '') : path;
}

/** Of a reference that begins with a slash: or a client could climb out of the prefix, where the app meant its own root. */
function withoutDotsOf(reference: string): string {
  const end = pathOf(reference).length;
  return withoutDots(reference.slice(0, end)) + reference.slice(end);
}

/** RFC 3986 §5.2.4, on an absolute path. */
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
