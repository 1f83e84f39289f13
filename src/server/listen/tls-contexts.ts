// Owns the certificates of a listener: one of them is the default, the others are chosen by the name that the client asks for. Knows
// neither files nor connections; what can't be served is refused here, as a whole, before anything is served with it.
import { X509Certificate } from 'node:crypto';
import type { Steps } from '../../kernel/work/slices.ts';
import type { CertificateStatus } from '../../kernel/http/status.ts';
import { isAuthority, readPemCertificates } from '../../kernel/net/pem-certificates.ts';
import {
  createTlsContext,
  type MinTlsVersion,
  nodeVersion,
  tlsCiphers,
  tlsReasonOf,
} from '../../kernel/net/tls-context.ts';
import { createServer, type SecureContext, type Server } from 'node:tls';

/** A certificate with its chain and its key, PEM. */
export interface TlsCertificate {
  readonly cert: string;
  readonly key: string;
  /** What the operator calls it, for messages: a file. */
  readonly name: string;
}

export interface TlsSettings {
  readonly minVersion: MinTlsVersion;
  /** The first is for clients that ask for no name, or for one that none has. */
  readonly certificates: readonly [TlsCertificate, ...TlsCertificate[]];
  /** Authorities, PEM: clients must show a certificate signed by one of them. Undefined: none is asked for. */
  readonly clientCa?: { readonly ca: string; readonly name: string };
}

/** The settings can't be served: not PEM, a key of another certificate, a key too weak. */
export class TlsSettingsError extends Error {
  override readonly name = 'TlsSettingsError';
}

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
  const { minVersion } = settings;
  if (clientCa !== undefined) checkAuthorities(clientCa);
  const all: Named[] = [];
  for (const certificate of certificates) {
    yield;
    all.push(namedContext(certificate, minVersion, clientCa?.ca));
  }
  return createServer({
    minVersion: nodeVersion(minVersion),
    ciphers: tlsCiphers,
    ...(clientCa !== undefined && { ca: clientCa.ca }),
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

function namedContext({ cert, key, name }: TlsCertificate, minVersion: MinTlsVersion, ca: string | undefined): Named {
  const leaf = leafOf(cert, name);
  try {
    return { leaf, context: createTlsContext({ minVersion, cert, key, ca }) };
  } catch (cause) {
    throw new TlsSettingsError(`the certificate in ${name} can't be used: ${tlsReasonOf(cause)}`, { cause });
  }
}

/** OpenSSL reads no further than to a broken block, and accepts certificates that can sign nothing: clients would be refused. */
function checkAuthorities({ ca, name }: { readonly ca: string; readonly name: string }): void {
  const { certificates, fault } = readPemCertificates(ca);
  if (fault !== undefined) throw new TlsSettingsError(`${name} ${fault}`);
  if (!certificates.every(isAuthority))
    throw new TlsSettingsError(`${name} holds a certificate that is not a certificate authority (CA:TRUE is missing)`);
}

function leafOf(pem: string, name: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw new TlsSettingsError(`${name} is no certificate in PEM`, { cause });
  }
}
