// Headers that identify the caller to an app (docs/guides/authentication.md#what-the-app-sees).
// upstream/request-headers.ts removes headers of these names from clients, in every spelling.
import type { Principal } from '../../guard/principal.ts';

/** Empty for anonymous callers: an app that requires the header then sees that it is missing. */
export function callerHeaders({ id, kind, scopes, subject, tenant }: Principal): string[] {
  if (kind === 'anonymous') return [];
  const headers: string[] = [];
  // Separate headers, because the subject of a token may equal the id of a key.
  if (kind === 'key') headers.push('X-Gateway-Key-Id', id);
  if (subject !== undefined) headers.push('X-Gateway-Subject', fieldValue(subject));
  if (tenant !== undefined) headers.push('X-Gateway-Tenant', fieldValue(tenant));
  // RFC 6749 §3.3: a list is separated by spaces.
  if (scopes.length > 0) headers.push('X-Gateway-Scopes', scopes.map(fieldValue).join(' '));
  return headers;
}

const visible = /^[!-$&-~]*$/;

/**
 * Issuers choose these values: everything but visible ASCII is percent-encoded, and `%` too, so
 * that no two values become equal.
 */
function fieldValue(text: string): string {
  if (visible.test(text)) return text;
  let value = '';
  for (const byte of Buffer.from(text)) {
    const character = String.fromCharCode(byte);
    value += visible.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return value;
}
