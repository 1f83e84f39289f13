// Owns what an app is told of who called (contract §2). What a client says of itself under these names never reaches an app:
// upstream/request-headers.ts removes it, in every spelling.
import type { Principal } from '../../guard/principal.ts';

/** Nothing of whoever showed no credential: an app that asks for the header then sees that it is not there. */
export function callerHeaders({ id, kind, scopes, subject, tenant }: Principal): string[] {
  if (kind === 'anonymous') return [];
  const headers: string[] = [];
  // Apart from each other: a token's subject may be called like a key.
  if (kind === 'key') headers.push('X-Gateway-Key-Id', id);
  if (subject !== undefined) headers.push('X-Gateway-Subject', fieldValue(subject));
  if (tenant !== undefined) headers.push('X-Gateway-Tenant', fieldValue(tenant));
  // RFC 6749 §3.3: a list is separated by spaces.
  if (scopes.length > 0) headers.push('X-Gateway-Scopes', scopes.map(fieldValue).join(' '));
  return headers;
}

const visible = /^[!-$&-~]*$/;

/** Issuers choose these: what is not visible ASCII is percent-encoded, and `%` with it, so that no two become one. */
function fieldValue(text: string): string {
  if (visible.test(text)) return text;
  let value = '';
  for (const byte of Buffer.from(text)) {
    const character = String.fromCharCode(byte);
    value += visible.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return value;
}
