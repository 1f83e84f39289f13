// Rewrites the cookies of an app: their path moves below the prefix under which clients find the
// app, and Domain goes. Not set-cookie-parser: it decodes values and loses the spelling of
// attributes, which must stay.
import { isBelow, type Place } from './below-prefix.ts';

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
  return belowPrefix(own, place).replaceAll(';', '%3B');
}

function belowPrefix(path: string, { prefix, owns }: Place): string {
  if (isBelow(path, prefix) || owns?.(path) === true) return path;
  // Without a trailing slash it matches both `/peer/app` and `/peer/app/`, but not
  // `/peer/application` (§5.1.4).
  return path === '/' ? prefix : prefix + path;
}
