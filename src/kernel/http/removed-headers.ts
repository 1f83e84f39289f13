// The table of request headers by which a client could pose as the gateway, as a proxy or as somebody else. docs/guides/request-headers.md
// lists the same, and says who may send them nevertheless.

interface RemovedHeaders {
  /** The heading in the guide. */
  readonly title: string;
  /** Lower case; one that ends in `*` stands for all names that begin so. */
  readonly names: readonly string[];
}

/** The fields in which trusted proxies tell the gateway about the client. The gateway reads them and writes its own for the app. */
export const forwardedFields = [
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-forwarded-prefix',
] as const;

/** Names of the gateway's own that tell nothing about proxies. */
const own = ['x-gateway-*', 'x-request-id'];

/** The gateway writes these itself: no proxy may pass them on, whatever is configured. */
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
    title: 'Who the caller is, as a proxy that signs users in says it',
    names: [
      ...['remote-user', 'remote-name', 'remote-email', 'remote-group', 'remote-groups', 'x-remote-*', 'x-userinfo'],
      ...['x-auth-request-*', 'x-authenticated-*', 'x-webauth-*', 'x-authentik-*', 'x-pomerium-*', 'x-vouch-*'],
      ...['x-consumer-*', 'x-credential-identifier', 'x-anonymous-consumer', 'x-amzn-oidc-*', 'x-goog-iap-*'],
      ...['x-goog-authenticated-user-*', 'x-ms-client-principal', 'x-ms-client-principal-*', 'x-ms-token-*'],
      ...['cf-access-*', 'tailscale-user-*'],
    ],
  },
  {
    title: 'Client certificates, as a proxy that ends TLS says it',
    names: [
      ...['client-cert', 'client-cert-chain', 'x-client-cert', 'x-client-cert-*', 'x-client-dn', 'x-client-verify'],
      ...['ssl-client-*', 'x-ssl-*', 'x-arr-clientcert', 'x-amzn-mtls-*'],
    ],
  },
  {
    title: 'Another target, or how the app and a proxy work together',
    names: [
      ...['x-original-url', 'x-original-uri', 'x-original-method', 'x-rewrite-url', 'x-middleware-subrequest', 'proxy'],
      ...['x-sendfile-type', 'x-accel-mapping'],
    ],
  },
];

/** Name the method that the app is to act on in place of the request's own. */
export const methodOverrides: readonly string[] = ['x-http-method-override', 'x-http-method', 'x-method-override'];

const names = removedHeaders.flatMap((group) => group.names);
const removed = oneOf(names);
const gatewayOnly = oneOf(written);
const overrides = oneOf(methodOverrides);
const forwarding = oneOf(['via', ...names.filter((name) => !own.includes(name))]);

/** `name` in lower case, in any spelling. */
export function isRemoved(name: string): boolean {
  return removed.test(name);
}

/** Removed from the requests of trusted proxies too. */
export function isWrittenByGateway(name: string): boolean {
  return gatewayOnly.test(name);
}

/** Whether a request with such a header has passed a proxy, or pretends to. */
export function isForwarding(name: string): boolean {
  return forwarding.test(name);
}

export function isMethodOverride(name: string): boolean {
  return overrides.test(name);
}

/** Whether a removed header is spelled in another way than with dashes. */
export function isDisguised(name: string): boolean {
  return /[^a-z0-9-]/.test(name) && removed.test(name);
}

/**
 * One expression, anchored: a look at each name costs no more than its characters. Servers that turn headers into variables can't tell
 * `_`, and some of them `.` and the rest, from `-` (RFC 3875 §4.1.18).
 */
function oneOf(names: readonly string[]): RegExp {
  const sources = names.map((name) => {
    const isPrefix = name.endsWith('*');
    const text = isPrefix ? name.slice(0, -1) : `${name}$`;
    return text.replaceAll('-', '[^a-z0-9]');
  });
  return new RegExp(`^(?:${sources.join('|')})`);
}
