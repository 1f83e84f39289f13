// Request headers with which a client could impersonate the gateway, a proxy or another caller.
// docs/guides/request-headers.md lists them, and which clients may still send them.

interface RemovedHeaders {
  /** The heading in docs/guides/request-headers.md. */
  readonly title: string;
  /** Lower case. A trailing `*` matches all names with that prefix. */
  readonly names: readonly string[];
}

/**
 * Fields in which trusted proxies describe the client. The gateway reads them and writes its own
 * for the app.
 */
export const forwardedFields = [
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-forwarded-prefix',
] as const;

/** The gateway's own names, which carry no information about proxies. */
const own = ['x-gateway-*', 'x-request-id'];

/** The gateway writes these itself, so no proxy may pass them on, whatever the configuration. */
const written: readonly string[] = [...own, ...forwardedFields];

export const removedHeaders: readonly RemovedHeaders[] = [
  { title: 'Written by the gateway', names: written },
  {
    title: 'Address, scheme and host of the client',
    names: [
      ...[
        'x-forwarded-*',
        'x-forwarded',
        'x-forward-for',
        'forwarded-for',
        'forwarded-for-ip',
        'x-original-forwarded-for',
      ],
      ...['x-real-ip', 'x-client-ip', 'client-ip', 'x-cluster-client-ip', 'remote-addr'],
      ...['x-originating-ip', 'x-proxyuser-ip', 'proxy-client-ip', 'wl-proxy-client-ip', 'x-envoy-*', 'true-client-ip'],
      ...['cf-connecting-ip', 'cf-connecting-ipv6', 'cf-pseudo-ipv4', 'cf-ipcountry', 'cf-visitor', 'fastly-client-ip'],
      ...['fly-client-ip', 'do-connecting-ip', 'x-azure-clientip', 'x-azure-socketip', 'x-nf-client-connection-ip'],
      ...['cloudfront-*', 'x-vercel-*', 'x-appengine-*', 'x-scheme', 'x-url-scheme', 'x-original-proto', 'x-host'],
      ...['x-original-host', 'x-http-host-override', 'front-end-https', 'x-arr-ssl'],
    ],
  },
  {
    title: 'The identity of the caller, as set by an authenticating proxy',
    names: [
      ...['remote-user', 'remote-name', 'remote-email', 'remote-group', 'remote-groups', 'x-remote-*', 'x-userinfo'],
      ...['x-auth-request-*', 'x-authenticated-*', 'x-webauth-*', 'x-authentik-*', 'x-pomerium-*', 'x-vouch-*'],
      ...['x-consumer-*', 'x-credential-identifier', 'x-anonymous-consumer', 'x-amzn-oidc-*', 'x-goog-iap-*'],
      ...['x-goog-authenticated-user-*', 'x-ms-client-principal', 'x-ms-client-principal-*', 'x-ms-token-*'],
      ...['cf-access-*', 'tailscale-user-*'],
    ],
  },
  {
    title: 'Client certificates, as set by a proxy that terminates TLS',
    names: [
      ...['client-cert', 'client-cert-chain', 'x-client-cert', 'x-client-cert-*', 'x-client-dn', 'x-client-verify'],
      ...['ssl-client-*', 'x-ssl-*', 'x-arr-clientcert', 'x-amzn-mtls-*'],
    ],
  },
  {
    title: 'A different target, or signals between an app and a proxy',
    names: [
      ...['x-original-url', 'x-original-uri', 'x-original-method', 'x-rewrite-url', 'x-middleware-subrequest', 'proxy'],
      ...['x-sendfile-type', 'x-accel-mapping'],
    ],
  },
];

/** They override the method of the request for the app. */
export const methodOverrides: readonly string[] = ['x-http-method-override', 'x-http-method', 'x-method-override'];

const names = removedHeaders.flatMap((group) => group.names);
const removed = spellingsOf(names);
const gatewayOnly = spellingsOf(written);
const overrides = spellingsOf(methodOverrides);
const forwarding = spellingsOf(['via', ...names.filter((name) => !own.includes(name))]);

/** `name` must be lower case; matches any spelling of the separators. */
export function isRemoved(name: string): boolean {
  return removed.test(name);
}

/** Fields that are removed from requests of trusted proxies too. */
export function isWrittenByGateway(name: string): boolean {
  return gatewayOnly.test(name);
}

/** Whether a request with this header has passed through a proxy, or pretends to have done so. */
export function isForwarding(name: string): boolean {
  return forwarding.test(name);
}

export function isMethodOverride(name: string): boolean {
  return overrides.test(name);
}

/** Whether a removed header is spelled with characters other than dashes. */
export function isDisguised(name: string): boolean {
  return /[^a-z0-9-]/.test(name) && removed.test(name);
}

/**
 * Matches these names, in lower case, in any spelling: servers that turn headers into variables
 * cannot distinguish `_`, and some of them `.` and other symbols, from `-` (RFC 3875 §4.1.18). One
 * anchored expression, so that testing a name is linear in its length.
 */
export function spellingsOf(names: readonly string[]): RegExp {
  const sources = names.map((name) => {
    const isPrefix = name.endsWith('*');
    const text = isPrefix ? name.slice(0, -1) : `${name}$`;
    return text.replaceAll('-', '[^a-z0-9]');
  });
  return new RegExp(`^(?:${sources.join('|')})`);
}
