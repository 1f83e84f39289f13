// The error of TLS files and settings that cannot be used. The message is one line.

/** The settings are unusable: not PEM, a key that does not match its certificate, or a weak key. */
export class TlsSettingsError extends Error {
  override readonly name = 'TlsSettingsError';
}
