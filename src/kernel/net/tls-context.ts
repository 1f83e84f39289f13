// TLS settings of the gateway's listeners, in OpenSSL's terms.
import { createSecureContext, type SecureContext } from 'node:tls';

export type MinTlsVersion = '1.2' | '1.3';

/**
 * Affects TLS 1.2, which is off by default: ephemeral keys and authenticated encryption only.
 * RFC 9113 §9.2.2 allows these for HTTP/2, and Mozilla calls this configuration intermediate.
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
  /** The certificate chain in PEM. */
  readonly cert: string;
  /** In PEM. */
  readonly key: string;
  /** The CA that signs client certificates, in PEM. */
  readonly ca?: string | undefined;
}

/**
 * Undefined: OpenSSL accepts the options. Otherwise the reason, such as "ee key too small"; it
 * never quotes key material.
 */
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

/** OpenSSL's own reason text. */
export function tlsReasonOf(error: unknown): string {
  return error instanceof Error && 'reason' in error && typeof error.reason === 'string'
    ? error.reason
    : 'unknown reason';
}
