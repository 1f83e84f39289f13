// The part of a request target that may be logged: its path as sent. The query may contain
// credentials, and so may the authority of the absolute form.

/**
 * `/a/b` of `/a/b?c` and of `http://user:secret@host/a/b?c`; empty for a target that is neither.
 */
export function pathOf(target: string): string {
  const path = before('?', before('#', target));
  if (path.startsWith('/') || path === '*') return path;
  const scheme = path.indexOf('://');
  const slash = scheme === -1 ? -1 : path.indexOf('/', scheme + 3);
  return slash === -1 ? '' : path.slice(slash);
}

function before(mark: string, text: string): string {
  const at = text.indexOf(mark);
  return at === -1 ? text : text.slice(0, at);
}
