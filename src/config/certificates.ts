// Owns looking at the files that the configuration names for TLS: are they there, are they certificates and keys, do they belong
// together. Serves nothing with them.
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import type { Config } from './config.ts';
import { SecretError } from './secrets/reference.ts';
import { readSecretFile } from './secrets/secret-file.ts';
import type { SeenFiles } from './seen-files.ts';
import type { Path } from './shape.ts';

interface Seen {
  readonly path: Path;
  readonly message: string;
}
export interface CertificateReport {
  readonly faults: readonly Seen[];
  readonly warnings: readonly Seen[];
}

export async function checkCertificates(config: Config, files: SeenFiles, now: Date): Promise<CertificateReport> {
  const check = new Check(files, now);
  const { tls, portal, rateLimit } = config;
  await check.pair(tls.certFile, tls.keyFile, ['tls']);
  for (const [i, pair] of tls.certificates.entries()) {
    await check.pair(pair.certFile, pair.keyFile, ['tls', 'certificates', i]);
  }
  await check.certificate(tls.clientCaFile, ['tls', 'client_ca_file']);
  for (const [i, { caFile }] of portal.relays.entries()) {
    await check.certificate(caFile, ['portal', 'relays', i, 'ca_file']);
  }
  await check.certificate(rateLimit.storage.redis.caFile, ['rate_limit', 'storage', 'redis', 'ca_file']);
  return check;
}

class Check implements CertificateReport {
  readonly faults: Seen[] = [];
  readonly warnings: Seen[] = [];
  readonly #files: SeenFiles;
  readonly #now: Date;

  constructor(files: SeenFiles, now: Date) {
    this.#files = files;
    this.#now = now;
  }

  async pair(certFile: string, keyFile: string, section: Path): Promise<void> {
    const keyPath = [...section, 'key_file'];
    const certificate = await this.certificate(certFile, [...section, 'cert_file']);
    const key = await this.#read(keyFile, keyPath, 'other', asKey);
    if (certificate === undefined || key === undefined || certificate.checkPrivateKey(key)) return;
    this.faults.push({ path: keyPath, message: 'is not the key of the certificate in cert_file' });
  }

  async certificate(file: string, path: Path): Promise<X509Certificate | undefined> {
    const certificate = await this.#read(file, path, 'public', asCertificate);
    if (certificate !== undefined && certificate.validToDate < this.#now) {
      this.warnings.push({
        path,
        message: `names a certificate that expired on ${certificate.validToDate.toISOString()}`,
      });
    }
    return certificate;
  }

  async #read<T>(
    file: string,
    path: Path,
    privacy: 'other' | 'public',
    parse: (pem: string) => T,
  ): Promise<T | undefined> {
    if (file === '') return undefined;
    await this.#files.look(file);
    const exposed = (): void => {
      this.warnings.push({ path, message: `names ${JSON.stringify(file)}, which every user of this machine may read` });
    };
    try {
      return parse(await readSecretFile(file, privacy, exposed));
    } catch (error) {
      if (!(error instanceof SecretError)) throw error;
      this.faults.push({ path, message: error.message });
      return undefined;
    }
  }
}

function asCertificate(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch {
    throw new SecretError('names a file that is no certificate in PEM');
  }
}

function asKey(pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch {
    const encrypted = pem.includes('ENCRYPTED');
    throw new SecretError(
      encrypted
        ? 'names a private key with a pass phrase: store it without'
        : 'names a file that is no private key in PEM',
    );
  }
}
