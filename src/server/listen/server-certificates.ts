// The certificates of a listener: one is the default, the others are chosen by the server name that
// the client sends (SNI). Validates the settings as a whole, before any of them is used.
import { X509Certificate } from 'node:crypto';
import { TlsSettingsError } from '../../kernel/errors/tls-settings-error.ts';
import type { Steps } from '../../kernel/work/slices.ts';
import type { CertificateStatus } from '../../kernel/http/status.ts';
import { isCertificateAuthority, readPemCertificates } from '../../kernel/net/pem-certificates.ts';
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
  /** The operator's name for it in messages: a file. */
  readonly name: string;
}

export interface TlsSettings {
  readonly minVersion: MinTlsVersion;
  /** The first is for clients that send no server name, or one that matches no certificate. */
  readonly certificates: readonly [TlsCertificate, ...TlsCertificate[]];
  /**
   * CA certificates, PEM: clients must present a certificate signed by one of them. Undefined: none
   * is requested.
   */
  readonly clientCa?: { readonly ca: string; readonly name: string };
}

interface Named {
  readonly leaf: X509Certificate;
  readonly context: SecureContext;
}

/**
 * Creates a TLS server that receives connections through its `connection` event and never listens.
 * A new one is created for new settings, so that each handshake uses one set of settings, and
 * sessions of the old settings cannot be resumed to bypass the new requirements. Runs in steps,
 * because each certificate takes OpenSSL about a millisecond. Throws TlsSettingsError.
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
    // Clients that offer none of these are rejected; curl --http1.0 offers only the last one.
    ALPNProtocols: ['h2', 'http/1.1', 'http/1.0'],
    // Counted from the start of the handshake, however slowly it proceeds.
    handshakeTimeout: handshakeTimeoutMs,
    SNICallback: (serverName, callback) => {
      callback(null, choose(all, serverName));
    },
  });
}

/** When each of the certificates expires. */
export function* expiries({ certificates }: TlsSettings): Steps<CertificateStatus[]> {
  const found: CertificateStatus[] = [];
  for (const { cert, name } of certificates) {
    yield;
    found.push({ file: name, expiresMs: Date.parse(leafOf(cert, name).validTo) });
  }
  return found;
}

/** An exact match takes precedence over a wildcard. Undefined: the default. */
function choose(all: readonly Named[], serverName: string): SecureContext | undefined {
  const exact = all.find(({ leaf }) => leaf.checkHost(serverName, { wildcards: false }) !== undefined);
  return (exact ?? all.find(({ leaf }) => leaf.checkHost(serverName) !== undefined))?.context;
}

function namedContext({ cert, key, name }: TlsCertificate, minVersion: MinTlsVersion, ca: string | undefined): Named {
  const leaf = leafOf(cert, name);
  try {
    return { leaf, context: createTlsContext({ minVersion, cert, key, ca }) };
  } catch (cause) {
    throw new TlsSettingsError(`the certificate in ${name} cannot be used: ${tlsReasonOf(cause)}`, { cause });
  }
}

/**
 * OpenSSL stops reading at a broken block, and accepts certificates that cannot sign anything:
 * clients would be rejected.
 */
function checkAuthorities({ ca, name }: { readonly ca: string; readonly name: string }): void {
  const { certificates, fault } = readPemCertificates(ca);
  if (fault !== undefined) throw new TlsSettingsError(`${name} ${fault}`);
  if (!certificates.every(isCertificateAuthority))
    throw new TlsSettingsError(`${name} holds a certificate that is not a certificate authority (CA:TRUE is missing)`);
}

function leafOf(pem: string, name: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw new TlsSettingsError(`${name} is not a PEM certificate`, { cause });
  }
}
