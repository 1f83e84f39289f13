// The certificates in tls/ as settings for listeners and their clients.
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TlsCertificate, TlsSettings } from '../../src/server/listen/server-certificates.ts';

export function tlsFile(name: string): string {
  return new URL(`tls/${name}`, import.meta.url).pathname;
}

/** Copies a key from tls/ with mode 0600, which git does not preserve. Returns its path. */
export async function privateKeyFile(directory: string, key: string, name: string = key): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, pem(key), { mode: 0o600 });
  return path;
}

function pem(name: string): string {
  return readFileSync(tlsFile(name), 'utf8');
}

/** For `localhost` and `*.peers.localhost`. Self-signed: also the CA that clients trust. */
export const certificate: TlsCertificate = { name: 'cert.pem', cert: pem('cert.pem'), key: pem('key.pem') };
/** For `a.peers.localhost` and `*.other.localhost`. */
export const otherCertificate: TlsCertificate = {
  name: 'other-cert.pem',
  cert: pem('other-cert.pem'),
  key: pem('other-key.pem'),
};

export const clientCa: NonNullable<TlsSettings['clientCa']> = { name: 'client-ca.pem', ca: pem('client-ca.pem') };
export const clientCertificate: TlsCertificate = {
  name: 'client-cert.pem',
  cert: pem('client-cert.pem'),
  key: pem('client-key.pem'),
};
export const strangerCertificate: TlsCertificate = {
  name: 'stranger-cert.pem',
  cert: pem('stranger-cert.pem'),
  key: pem('stranger-key.pem'),
};

/** RSA of 1024 bits, which OpenSSL rejects. */
export const weakCertificate: TlsCertificate = {
  name: 'weak-cert.pem',
  cert: pem('weak-cert.pem'),
  key: pem('weak-key.pem'),
};

export function tlsSettings(parts: Partial<TlsSettings> = {}): TlsSettings {
  return { minVersion: '1.3', certificates: [certificate], ...parts };
}
