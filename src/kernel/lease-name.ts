// Lease ids and lease names: how to distinguish and compare them. Text in the form of an id is
// always an id, never a name, so that no lease can be named like the id of another.

/**
 * Base32 without padding (RFC 4648 §6). Any letter case, because host names are case-insensitive.
 */
const idForm = /^[A-Z2-7]{26}$/i;
const idLength = 26;

/** Returns the canonical id if the text has the form of one, otherwise undefined. */
export function leaseIdIn(text: string): string | undefined {
  if (text.length !== idLength) return undefined;
  // NFC turns the Kelvin sign into an ASCII K, and names are compared after NFC.
  const normalised = text.normalize('NFC');
  return idForm.test(normalised) ? normalised.toUpperCase() : undefined;
}

/** True for a canonical id, as relays list it. */
export function isLeaseId(text: string): boolean {
  return leaseIdIn(text) === text;
}

/**
 * Lease names are compared after NFC normalisation and lower-casing; the result is normalised
 * again, because lower-casing can give letters that compose. Final sigma (ς) is mapped to σ,
 * because a `prefix-*` pattern may cut a word anywhere.
 */
export function foldName(name: string): string {
  if (isAscii(name)) return name.toLowerCase();
  return name.normalize('NFC').toLowerCase().normalize('NFC').replaceAll('ς', 'σ');
}

/**
 * The key to look up a lease: the id if the text is one, otherwise the folded name. The two cannot
 * collide, because ids are upper case.
 */
export function leaseKey(nameOrId: string): string {
  return leaseIdIn(nameOrId) ?? foldName(nameOrId);
}

/** Relays allow any number of leases to have these names, so no lease owns one. */
export const sharedLeaseNames: ReadonlySet<string> = new Set(['', '(unnamed)']);

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i += 1) if (text.charCodeAt(i) > 0x7f) return false;
  return true;
}
