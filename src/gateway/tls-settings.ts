// Reads the TLS files that the configuration names. Does not check whether they can be served.
import type { Config } from '../config/load/config.ts';
import { type Privacy, readSecretFile } from '../config/source/secrets/secret-file.ts';
import { SecretError } from '../config/source/secrets/secret-error.ts';
import { TlsSettingsError } from '../kernel/errors/tls-settings-error.ts';
import type { TlsCertificate, TlsSettings } from '../server/listen/server-certificates.ts';

/**
 * Undefined: TLS is disabled. Throws TlsSettingsError, since the files may have changed after the
 * check.
 */
export async function readTlsSettings({ tls }: Config): Promise<TlsSettings | undefined> {
  if (!tls.enabled) return undefined;
  const own = tls.certFile === '' ? [] : [tls];
  const [first, ...more] = await Promise.all([...own, ...tls.certificates].map(readCertificate));
  if (first === undefined) throw new TlsSettingsError('tls.enabled needs tls.cert_file and tls.key_file');
  return {
    minVersion: tls.minVersion,
    certificates: [first, ...more],
    ...(tls.clientCaFile !== '' && {
      clientCa: { ca: await read('tls.client_ca_file', tls.clientCaFile, 'public'), name: tls.clientCaFile },
    }),
  };
}

/** The certificates of a `ca_file`. Throws TlsSettingsError. */
export function readAuthorities(setting: string, file: string): Promise<string> {
  return read(setting, file, 'public');
}

async function readCertificate(files: {
  readonly certFile: string;
  readonly keyFile: string;
}): Promise<TlsCertificate> {
  return {
    cert: await read('cert_file', files.certFile, 'public'),
    key: await read('key_file', files.keyFile, 'private'),
    name: files.certFile,
  };
}

async function read(setting: string, file: string, privacy: Privacy): Promise<string> {
  try {
    return await readSecretFile(file, privacy);
  } catch (cause) {
    if (!(cause instanceof SecretError)) throw cause;
    throw new TlsSettingsError(`${setting} ${cause.message}`, { cause });
  }
}
