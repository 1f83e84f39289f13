// Owns how names and ids of leases are told apart and compared, so that every room does it in one way.

/** portal-protocol §4: base32 without padding. */
const idForm = /^[A-Z2-7]{26}$/;

export function isLeaseId(text: string): boolean {
  return idForm.test(text);
}

/** Names compare in NFC and lower case (product-spec §5), of which a sigma at the end of a word is no other: a prefix ends anywhere. */
export function foldName(name: string): string {
  return name.normalize('NFC').toLowerCase().replaceAll('ς', 'σ');
}
