// Owns what goes wrong with the keys file, in one line that says what to do. Never has a key in it.
export class KeysFileError extends Error {
  override readonly name = 'KeysFileError';
}
