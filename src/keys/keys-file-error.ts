// Error about the keys file: one line with the remedy. Never contains a key.
export class KeysFileError extends Error {
  override readonly name = 'KeysFileError';
}
