// The TLS settings of the gateway's listeners, as OpenSSL takes them.
import { createSecureContext, type SecureContext } from 'node:tls';

export type MinTlsVersion = '1.2' | '1.3';

/**
 * For TLS 1.2, which is off by default: ephemeral keys and authenticated encryption only. It is what RFC 9113 §9.2.2 leaves for
 * HTTP/2, and what Mozilla calls intermediate.
 */
export const tlsCiphers: string = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':');

export interface TlsContextOptions {
  readonly minVersion: MinTlsVersion;
  /** PEM: the certificate, and what it was signed by. */
  readonly cert: string;
  /** PEM. */
  readonly key: string;
  /** Who signs the certificates of clients, PEM. */
  readonly ca?: string | undefined;
}

/** Undefined: OpenSSL takes them. Otherwise the reason, such as "ee key too small"; it never quotes what it is about. */
export function tlsContextFault(options: TlsContextOptions): string | undefined {
  try {
    createTlsContext(options);
    return undefined;
  } catch (error) {
    return tlsReasonOf(error);
  }
}

/** Throws OpenSSL's error. */
export function createTlsContext({ minVersion, cert, key, ca }: TlsContextOptions): SecureContext {
  return createSecureContext({
    minVersion: nodeVersion(minVersion),
    ciphers: tlsCiphers,
    cert,
    key,
    ...(ca !== undefined && { ca }),
  });
}

export function nodeVersion(version: MinTlsVersion): 'TLSv1.2' | 'TLSv1.3' {
  return version === '1.2' ? 'TLSv1.2' : 'TLSv1.3';
}

/** OpenSSL's own words. */
export function tlsReasonOf(error: unknown): string {
  return error instanceof Error && 'reason' in error && typeof error.reason === 'string'
    ? error.reason
    : 'unknown reason';
}
