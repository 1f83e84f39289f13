// Checks the TLS files that the configuration names: they exist, hold matching certificates and
// keys, can be served, and are valid. Does not serve them.
import { createPrivateKey, type KeyObject, type X509Certificate } from 'node:crypto';
import { isCertificateAuthority, readPemCertificates } from '../../kernel/net/pem-certificates.ts';
import { tlsContextFault } from '../../kernel/net/tls-context.ts';
import type { Config } from '../load/config.ts';
import { SecretError } from '../source/secrets/secret-error.ts';
import { readSecretFile } from '../source/secrets/secret-file.ts';
import type { SeenFiles } from '../source/seen-files.ts';
import type { Path } from '../schema/shape.ts';
import { earliestOf, latestOf, type Validity, validityWarning } from './validity.ts';

interface Seen {
  readonly path: Path;
  readonly message: string;
}
export interface CertificateReport {
  readonly faults: readonly Seen[];
  readonly warnings: readonly Seen[];
}

export async function checkCertificates(config: Config, files: SeenFiles, now: Date): Promise<CertificateReport> {
  const check = new Check(config, files, now);
  const { tls, portal, rateLimit } = config;
  const clientCa = await check.clientCa(tls.clientCaFile, ['tls', 'client_ca_file']);
  await check.pair(tls, ['tls'], clientCa);
  for (const [i, pair] of tls.certificates.entries()) await check.pair(pair, ['tls', 'certificates', i], clientCa);
  for (const [i, { caFile }] of portal.relays.entries()) {
    await check.certificates(caFile, ['portal', 'relays', i, 'ca_file'], latestOf);
  }
  const redisCa: Path = ['rate_limit', 'storage', 'redis', 'ca_file'];
  await check.certificates(rateLimit.storage.redis.caFile, redisCa, latestOf);
  return check;
}

interface PemFile {
  readonly pem: string;
  /** At least one. */
  readonly certificates: readonly X509Certificate[];
}

class Check implements CertificateReport {
  readonly faults: Seen[] = [];
  readonly warnings: Seen[] = [];
  readonly #config: Config;
  readonly #files: SeenFiles;
  readonly #now: Date;

  constructor(config: Config, files: SeenFiles, now: Date) {
    this.#config = config;
    this.#files = files;
    this.#now = now;
  }

  async pair(
    { certFile, keyFile }: { readonly certFile: string; readonly keyFile: string },
    section: Path,
    ca: string | undefined,
  ): Promise<void> {
    const [certPath, keyPath]: [Path, Path] = [
      [...section, 'cert_file'],
      [...section, 'key_file'],
    ];
    const chain = await this.certificates(certFile, certPath, earliestOf);
    const key = await this.#read(keyFile, keyPath, 'private', asKey);
    const [leaf] = chain?.certificates ?? [];
    if (chain === undefined || leaf === undefined || key === undefined) return;
    if (!leaf.checkPrivateKey(key.key)) {
      this.faults.push({ path: keyPath, message: 'is not the key of the certificate in cert_file' });
      return;
    }
    const { minVersion } = this.#config.tls;
    const fault = tlsContextFault({ minVersion, cert: chain.pem, key: key.pem, ca });
    if (fault === undefined) return;
    this.faults.push({
      path: certPath,
      message: `names a certificate that cannot be served: OpenSSL reports ${fault}`,
    });
  }

  /** The content, unless it has a fault. */
  async clientCa(file: string, path: Path): Promise<string | undefined> {
    const bundle = await this.certificates(file, path, earliestOf);
    if (bundle === undefined) return undefined;
    const leaf = bundle.certificates.findIndex((certificate) => !isCertificateAuthority(certificate));
    if (leaf === -1) return bundle.pem;
    const which = bundle.certificates.length === 1 ? 'a certificate' : `certificate ${leaf + 1}`;
    const message = `names ${which} that is not a certificate authority (CA:TRUE is missing), so it cannot have issued a client certificate`;
    this.faults.push({ path, message });
    return undefined;
  }

  /** `counts`: computes the validity of the whole file. */
  async certificates(
    file: string,
    path: Path,
    counts: (certificates: readonly X509Certificate[]) => Validity,
  ): Promise<PemFile | undefined> {
    const read = await this.#read(file, path, 'public', asCertificates);
    const warning = read && validityWarning(counts(read.certificates), this.#now);
    if (warning !== undefined) this.warnings.push({ path, message: `names a certificate that ${warning}` });
    return read;
  }

  async #read<T>(
    file: string,
    path: Path,
    privacy: 'private' | 'public',
    parse: (pem: string) => T,
  ): Promise<T | undefined> {
    if (file === '') return undefined;
    await this.#files.look(file);
    try {
      return parse(await readSecretFile(file, privacy));
    } catch (error) {
      if (!(error instanceof SecretError)) throw error;
      this.faults.push({ path, message: error.message });
      return undefined;
    }
  }
}

function asCertificates(pem: string): PemFile {
  const { certificates, fault } = readPemCertificates(pem);
  if (fault !== undefined) throw new SecretError(`names a file that ${fault}`);
  return { pem, certificates };
}

function asKey(pem: string): { readonly pem: string; readonly key: KeyObject } {
  try {
    return { pem, key: createPrivateKey(pem) };
  } catch {
    const encrypted = pem.includes('ENCRYPTED');
    throw new SecretError(
      encrypted
        ? 'names a private key with a passphrase: store it without one'
        : 'names a file that is not a PEM private key',
    );
  }
}
