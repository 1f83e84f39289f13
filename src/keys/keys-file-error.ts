// Error about the keys file: one line with the remedy. Never contains a key.
export class KeysFileError extends Error {
  override readonly name = 'KeysFileError';
  /** Trying again can help: another process is changing the file. */
  readonly passing: boolean;

  constructor(
    message: string,
    { passing = false, cause }: { readonly passing?: boolean; readonly cause?: unknown } = {},
  ) {
    super(message, cause === undefined ? undefined : { cause });
    this.passing = passing;
  }
}
