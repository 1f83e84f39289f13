// The settings of the listeners: gateway, TLS and admin.
import type { z } from 'zod';
import { isDomain, isForwardableHeader, isHostPattern, isListenHost, isPublicUrl } from '../../check/checks.ts';
import { isCidr } from '../cidr.ts';
import { choice, duration, entry, flag, list, path, section, size, text, wholeNumber } from '../fields.ts';

export const cidr: z.ZodType = text('An address or a block of addresses.', {
  expects: 'an address or a block of addresses, such as 10.0.0.0/8 or 2001:db8::/32',
  check: isCidr,
  example: '10.0.0.0/8',
});

/** Upper bound for durations of which each request has a timer. */
const longest = '24h';
/**
 * Under contention the whole queue is searched for a request that may proceed. The bound keeps that
 * work on the event loop short.
 */
const maxQueue = 10_000;
/** More connections than one process can have open. */
const maxConnections = 1_000_000;

export const gateway: z.ZodType = section('GatewayConfig', 'The main listener and its limits.', {
  host: text('The address to listen on, or a host name, for all of its addresses. `0.0.0.0` in the container image.', {
    initial: '127.0.0.1',
    expects: 'an address or a host name',
    check: isListenHost,
    example: '0.0.0.0',
    restart: true,
  }),
  port: wholeNumber('The port to listen on; 0 picks a free one.', {
    initial: 8080,
    min: 0,
    max: 65_535,
    restart: true,
  }),
  base_domain: text('Also serves each lease at `https://<lease>.<base_domain>/`. Empty: by path only.', {
    initial: '',
    expects: 'a domain name, such as peers.example.com',
    check: isDomain,
    example: 'peers.example.com',
  }),
  public_url: text(
    "The gateway's public base URL; used as `iss` in assertions and as the base of `type` in error responses. In path mode an `Origin` equal to it is replaced with the app's.",
    {
      initial: '',
      expects: 'an http(s):// URL, such as https://gateway.example.com',
      check: isPublicUrl,
      example: 'https://gateway.example.com',
    },
  ),
  trusted_proxies: list(
    'Addresses and blocks whose `X-Forwarded-*`, `Forwarded` and PROXY protocol headers are trusted. The client address is the right-most address in them that is not trusted itself.',
    cidr,
  ),
  allowed_hosts: list(
    'Hosts to serve: names, `*.example.com` or literal addresses, with or without a port; `*` allows any. Requests for other hosts get 421. Empty: any host for requests to leases that require a credential; for leases open to `anonymous` only loopback names, literal IP addresses, the host of `public_url` and names below `base_domain`.',
    text('A host, or a pattern of hosts.', {
      expects: 'a host name, an address, *.DOMAIN or *, with a port if needed',
      check: isHostPattern,
      example: 'gateway.example.com',
    }),
  ),
  forward_headers: list(
    'Headers that a proxy in `trusted_proxies` may pass to apps although they are removed from all other requests, such as `X-Forwarded-User`; whole names only.',
    text('A header name.', {
      expects: 'the name of a header that carries identity or origin information, such as X-Forwarded-User',
      check: isForwardableHeader,
      example: 'X-Forwarded-User',
    }),
  ),
  read_header_timeout: duration('How long a client may take to send a request head; then 408.', {
    initial: '10s',
    min: '100ms',
    max: '10m',
  }),
  idle_timeout: duration('Closes a connection that has had no request for this long.', {
    initial: '120s',
    min: '100ms',
    max: longest,
  }),
  shutdown_grace: duration(
    'How long requests in flight may continue after SIGTERM and `drain_delay`; then they get 503 `draining` or are aborted.',
    { initial: '30s', min: '1ms', max: longest, zero: 'aborted at once' },
  ),
  drain_delay: duration(
    'How long the gateway keeps listening after SIGTERM, with 503 on `/health/ready`. Set it to the time that load balancers need to stop sending connections.',
    { initial: '0s', min: '1ms', max: longest, zero: 'stops listening at once' },
  ),
  drain_linger: duration(
    'How long an idle keep-alive connection stays open after the gateway has stopped listening, to serve one more request.',
    { initial: '5s', min: '1ms', max: longest, zero: 'closed at once' },
  ),
  max_header_bytes: size(
    'The largest request head; a larger one gets 431. A request target of more than half this size gets 414.',
    {
      initial: '32KiB',
      min: '1KiB',
      max: '1MiB',
      restart: true,
    },
  ),
  max_body_bytes: size(
    'The largest request body; a larger one gets 413. Bodies are streamed and never buffered as a whole.',
    {
      initial: '0',
      min: '1B',
      max: '1024TiB',
      zero: 'unlimited',
    },
  ),
  max_connections: wholeNumber('The most open client connections; further ones are closed at once.', {
    initial: 10_000,
    min: 1,
    max: maxConnections,
  }),
  max_connections_per_ip: wholeNumber(
    'The most open connections of one client address, or of one IPv6 /64. Addresses in `trusted_proxies` are exempt.',
    {
      initial: 200,
      min: 1,
      max: maxConnections,
    },
  ),
  max_in_flight: wholeNumber(
    'The most concurrent requests; further ones wait in the queue. At its response head or 101, a stream stops counting here and counts towards `max_streams` instead.',
    { initial: 2000, min: 1, max: maxConnections },
  ),
  max_streams: wholeNumber('The most concurrent streams and upgraded connections; further ones get 503 `overloaded`.', {
    initial: 10_000,
    min: 1,
    max: maxConnections,
  }),
  queue: wholeNumber(
    'The most requests that wait while `max_in_flight` are in flight; further ones get 503 `overloaded`.',
    {
      initial: 200,
      min: 0,
      max: maxQueue,
    },
  ),
  body_timeout: duration('The longest pause between two chunks of a request body.', {
    initial: '60s',
    min: '100ms',
    max: longest,
  }),
  min_write_rate: size(
    'The lowest rate, in bytes per second, at which a client may read a response, averaged over 30s while data is waiting for it. Responses to slower clients are aborted. Streams are exempt.',
    { initial: '1KiB', min: '1B', max: '1GiB', zero: 'off' },
  ),
  proxy_protocol: flag(
    'Requires every connection to begin with a PROXY protocol version 2 header from one of `trusted_proxies`.',
    false,
    { restart: true },
  ),
});

const certificate = entry('CertificateConfig', 'A certificate and its key.', {
  cert_file: path('The certificate and its chain (PEM).', { optional: false }),
  key_file: path('The private key of the certificate (PEM). Rejected if other users can read or replace it.', {
    optional: false,
  }),
});

export const tls: z.ZodType = section('TlsConfig', 'TLS and HTTP/2 on the main listener.', {
  enabled: flag('Enables TLS, and with it HTTP/2.', false, { restart: true }),
  cert_file: path('The certificate and its chain (PEM). Reloaded when it changes.', { optional: true }),
  key_file: path('The private key of `cert_file` (PEM). Rejected if other users can read or replace it.', {
    optional: true,
  }),
  min_version: choice(
    'The lowest TLS version to accept. A change ends existing connections when their requests in flight are complete.',
    ['1.2', '1.3'],
    { initial: '1.3' },
  ),
  client_ca_file: path(
    'Requires client certificates issued by these CAs (PEM). Empty: client certificates are not requested. A change ends existing connections when their requests in flight are complete.',
    { optional: true },
  ),
  certificates: list('Further certificates, selected by the server name that the client sends (SNI).', certificate),
});

export const admin: z.ZodType = section('AdminConfig', 'A separate listener for health, metrics and details.', {
  port: wholeNumber('The port for `/health`, `/metrics` and `/health/details`; 0: serves them on the main port.', {
    initial: 0,
    min: 0,
    max: 65_535,
    restart: true,
  }),
});
