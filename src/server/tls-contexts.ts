// Owns the certificates of a listener: one of them is the default, the others are chosen by the name that the client asks for. Knows
// neither files nor connections; what can't be served is refused here, as a whole, before anything is served with it.
import { X509Certificate } from 'node:crypto';
import type { Steps } from '../kernel/slices.ts';
import type { CertificateStatus } from '../kernel/status.ts';
import { createSecureContext, createServer, type SecureContext, type Server, type TlsOptions } from 'node:tls';

/** A certificate with its chain and its key, PEM. */
export interface TlsCertificate {
  readonly cert: string;
  readonly key: string;
  /** What the operator calls it, for messages: a file. */
  readonly name: string;
}

export interface TlsSettings {
  readonly minVersion: '1.2' | '1.3';
  /** The first is for clients that ask for no name, or for one that none has. */
  readonly certificates: readonly [TlsCertificate, ...TlsCertificate[]];
  /** Authorities, PEM: clients must show a certificate signed by one of them. Undefined: none is asked for. */
  readonly clientCa?: { readonly ca: string; readonly name: string };
}

/** The settings can't be served: not PEM, a key of another certificate, a key too weak. */
export class TlsSettingsError extends Error {
  override readonly name = 'TlsSettingsError';
}

/**
 * For TLS 1.2, which is off by default: ephemeral keys and authenticated encryption only. It is what RFC 9113 §9.2.2 leaves for
 * HTTP/2, and what Mozilla calls intermediate.
 */
const ciphers = [
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

interface Named {
  readonly leaf: X509Certificate;
  readonly context: SecureContext;
}

/**
 * A TLS server that takes connections by its `connection` event and never listens. Made anew for new settings: so each handshake
 * sees one set of them only, and sessions of the old ones can't be resumed past what the new ones demand. In steps: each certificate
 * takes OpenSSL about a millisecond. Throws TlsSettingsError.
 */
export function* createTlsServer(settings: TlsSettings, handshakeTimeoutMs: number): Steps<Server> {
  const { certificates, clientCa } = settings;
  const [first] = certificates;
  const shared: TlsOptions = {
    minVersion: settings.minVersion === '1.2' ? 'TLSv1.2' : 'TLSv1.3',
    ciphers,
    ...(clientCa !== undefined && { ca: clientCa.ca }),
  };
  // A file without any certificate in it would be no error, and demand what nobody can have.
  if (clientCa !== undefined) leafOf(clientCa.ca, clientCa.name);
  const all: Named[] = [];
  for (const certificate of certificates) {
    yield;
    all.push(namedContext(certificate, shared));
  }
  return createServer({
    ...shared,
    cert: first.cert,
    key: first.key,
    requestCert: clientCa !== undefined,
    rejectUnauthorized: clientCa !== undefined,
    // Who offers none of them is refused; curl --http1.0 offers the last one only.
    ALPNProtocols: ['h2', 'http/1.1', 'http/1.0'],
    // Counted from its beginning, however slowly it comes.
    handshakeTimeout: handshakeTimeoutMs,
    SNICallback: (serverName, callback) => {
      callback(null, choose(all, serverName));
    },
  });
}

/** How long what is served may be served. */
export function* expiries({ certificates }: TlsSettings): Steps<CertificateStatus[]> {
  const found: CertificateStatus[] = [];
  for (const { cert, name } of certificates) {
    yield;
    found.push({ file: name, expiresMs: Date.parse(leafOf(cert, name).validTo) });
  }
  return found;
}

/** One that has the very name goes before one that has it by a wildcard. Undefined: the default. */
function choose(all: readonly Named[], serverName: string): SecureContext | undefined {
  const exact = all.find(({ leaf }) => leaf.checkHost(serverName, { wildcards: false }) !== undefined);
  return (exact ?? all.find(({ leaf }) => leaf.checkHost(serverName) !== undefined))?.context;
}

function namedContext({ cert, key, name }: TlsCertificate, shared: TlsOptions): Named {
  const leaf = leafOf(cert, name);
  try {
    return { leaf, context: createSecureContext({ ...shared, cert, key }) };
  } catch (cause) {
    throw new TlsSettingsError(`the certificate in ${name} can't be used: ${reasonOf(cause)}`, { cause });
  }
}

function leafOf(pem: string, name: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw new TlsSettingsError(`${name} is no certificate in PEM`, { cause });
  }
}

/** OpenSSL's own words, which never quote what they are about. */
function reasonOf(cause: unknown): string {
  return cause instanceof Error && 'reason' in cause && typeof cause.reason === 'string'
    ? cause.reason
    : 'unknown reason';
}
