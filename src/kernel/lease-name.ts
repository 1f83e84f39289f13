// Lease ids and lease names: how to tell them apart and how to compare them. Text in the form of an id is an id and never a name,
// so that a lease cannot be named like the id of another.

/** Base32 without padding (RFC 4648 §6), in any letter case: host names have none. */
const idForm = /^[A-Z2-7]{26}$/i;
const idLength = 26;

/** The canonical id where the text has the form of one, else undefined. */
export function leaseIdIn(text: string): string | undefined {
  if (text.length !== idLength) return undefined;
  // The Kelvin sign is an ASCII K after NFC, and names are compared after NFC.
  const normalised = text.normalize('NFC');
  return idForm.test(normalised) ? normalised.toUpperCase() : undefined;
}

/** True for a canonical id, as relays list it. */
export function isLeaseId(text: string): boolean {
  return leaseIdIn(text) === text;
}

/**
 * Lease names are compared after NFC normalisation and lower-casing; the result is normalised again, because lower-casing can give
 * letters that compose. Final sigma (ς) is mapped to σ, because a `prefix-*` pattern may cut a word anywhere.
 */
export function foldName(name: string): string {
  if (isAscii(name)) return name.toLowerCase();
  return name.normalize('NFC').toLowerCase().normalize('NFC').replaceAll('ς', 'σ');
}

/** What a lease is looked up by: the id where the text is one, else the folded name. The two never meet: ids are upper case. */
export function leaseKey(nameOrId: string): string {
  return leaseIdIn(nameOrId) ?? foldName(nameOrId);
}

/** Relays let any number of leases have these names, so no lease holds one. */
export const sharedLeaseNames: ReadonlySet<string> = new Set(['', '(unnamed)']);

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i += 1) if (text.charCodeAt(i) > 0x7f) return false;
  return true;
}
