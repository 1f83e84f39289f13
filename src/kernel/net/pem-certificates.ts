// Reads all certificates of a PEM file, or none: OpenSSL stops at a block that it cannot read and
// silently drops the authorities after it.
import { X509Certificate } from 'node:crypto';

/** A chain has a handful, and a bundle of all public authorities about 150. */
const maxCertificates = 1_000;
/** RFC 7468 §5; the other labels are OpenSSL's. */
const isCertificate = /^(?:X509 |TRUSTED )?CERTIFICATE-----/;

export interface PemCertificates {
  readonly certificates: readonly X509Certificate[];
  /**
   * Undefined: all certificates could be read. The text completes a sentence that begins with
   * the file name.
   */
  readonly fault: string | undefined;
}

export function readPemCertificates(pem: string): PemCertificates {
  const blocks = pem
    .split('-----BEGIN ')
    .slice(1)
    .filter((block) => isCertificate.test(block));
  if (blocks.length === 0) return { certificates: [], fault: 'is not a PEM certificate' };
  if (blocks.length > maxCertificates)
    return { certificates: [], fault: `holds more than ${maxCertificates} certificates` };
  const certificates: X509Certificate[] = [];
  for (const [i, block] of blocks.entries()) {
    try {
      certificates.push(new X509Certificate(`-----BEGIN ${block}`));
    } catch {
      const which =
        blocks.length === 1
          ? 'a malformed certificate'
          : `a malformed certificate, number ${i + 1} of ${blocks.length}`;
      return { certificates: [], fault: `holds ${which}: export it again as PEM` };
    }
  }
  return { certificates, fault: undefined };
}

/**
 * Whether a certificate may sign others. RFC 5280 §4.2.1.9: a version 3 certificate states it in
 * its basic constraints. A version 1 certificate cannot, and OpenSSL accepts self-signed ones.
 */
export function isCertificateAuthority(certificate: X509Certificate): boolean {
  return certificate.ca || (isVersion1(certificate.raw) && certificate.checkIssued(certificate));
}

/** RFC 5280 §4.1: SEQUENCE { SEQUENCE { [0] version …, where version 1 is omitted. */
function isVersion1(der: Uint8Array): boolean {
  const outer = contentOffset(der, 0);
  return der[contentOffset(der, outer)] !== 0xa0;
}

/**
 * X.690 §8.1.3: a length below 128 takes one byte; otherwise that byte gives the number of
 * length bytes.
 */
function contentOffset(der: Uint8Array, tag: number): number {
  const length = der[tag + 1] ?? 0;
  return tag + 2 + (length < 0x80 ? 0 : length & 0x7f);
}
