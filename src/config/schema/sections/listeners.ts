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

export const gateway: z.ZodType = section('GatewayConfig', 'The main listener and what protects it.', {
  host: text('The address to listen on, or a name: then every address of it. `0.0.0.0` in the container image.', {
    initial: '127.0.0.1',
    expects: 'an address or a host name',
    check: isListenHost,
    example: '0.0.0.0',
    restart: true,
  }),
  port: wholeNumber('The port to listen on; 0 takes any that is free.', {
    initial: 8080,
    min: 0,
    max: 65_535,
    restart: true,
  }),
  base_domain: text('Serves each lease at `https://<lease>.<base_domain>/` too. Empty: by path only.', {
    initial: '',
    expects: 'a domain name, such as peers.example.com',
    check: isDomain,
    example: 'peers.example.com',
  }),
  public_url: text(
    "The gateway's public base URL: `iss` of the assertions that apps get, and the start of `type` in problems. In path mode an `Origin` equal to it becomes the app's.",
    {
      initial: '',
      expects: 'an http(s):// URL, such as https://gateway.example.com',
      check: isPublicUrl,
      example: 'https://gateway.example.com',
    },
  ),
  trusted_proxies: list(
    'Addresses and blocks whose `X-Forwarded-*`, `Forwarded` and PROXY protocol headers are believed. Of the addresses that they name, the right-most one that is not trusted is the client.',
    cidr,
  ),
  allowed_hosts: list(
    'Hosts that are served: names, `*.example.com` or literal addresses, with or without a port; `*` allows any. Others get 421. Empty: any host for requests to leases that require a credential; for leases open to `anonymous` only loopback names, literal IP addresses, the host of `public_url` and names below `base_domain`.',
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
  read_header_timeout: duration('A request head that is not whole after this time is answered 408.', {
    initial: '10s',
    min: '100ms',
    max: '10m',
  }),
  idle_timeout: duration('A connection without a request is closed after this time.', {
    initial: '120s',
    min: '100ms',
    max: longest,
  }),
  shutdown_grace: duration(
    'How long requests may go on after SIGTERM and `drain_delay`; the rest is answered 503 `draining` or cut.',
    { initial: '30s', min: '1ms', max: longest, zero: 'cut at once' },
  ),
  drain_delay: duration(
    'How long the gateway listens on after SIGTERM, with 503 on `/health/ready`: as long as load balancers take to send it no more connections.',
    { initial: '0s', min: '1ms', max: longest, zero: 'stops listening at once' },
  ),
  drain_linger: duration(
    'How long an idle kept-alive connection stays open when the gateway has stopped listening, to answer one more request.',
    { initial: '5s', min: '1ms', max: longest, zero: 'closed at once' },
  ),
  max_header_bytes: size('A larger request head is answered 431, a target of more than half of it 414.', {
    initial: '32KiB',
    min: '1KiB',
    max: '1MiB',
    restart: true,
  }),
  max_body_bytes: size('A larger request body is answered 413. Bodies are streamed and never held in memory.', {
    initial: '0',
    min: '1B',
    max: '1024TiB',
    zero: 'unlimited',
  }),
  max_connections: wholeNumber('Open client connections; more are closed at once.', {
    initial: 10_000,
    min: 1,
    max: maxConnections,
  }),
  max_connections_per_ip: wholeNumber(
    'Open connections of one client address, or of one /64 of IPv6; the addresses of `trusted_proxies` have no such bound.',
    {
      initial: 200,
      min: 1,
      max: maxConnections,
    },
  ),
  max_in_flight: wholeNumber(
    'Requests at work at once; more wait in the queue. A stream leaves this count at its response head or 101 and counts as a stream instead.',
    { initial: 2000, min: 1, max: maxConnections },
  ),
  max_streams: wholeNumber('Streams and upgraded connections open at once; more are answered 503 `overloaded`.', {
    initial: 10_000,
    min: 1,
    max: maxConnections,
  }),
  queue: wholeNumber('Requests that may wait while `max_in_flight` are at work; more are answered 503 `overloaded`.', {
    initial: 200,
    min: 0,
    max: maxQueue,
  }),
  body_timeout: duration('The longest pause between two pieces of a request body.', {
    initial: '60s',
    min: '100ms',
    max: longest,
  }),
  min_write_rate: size(
    'The least that a client must take of a response in a second, as the mean over 30s while data waits for it; slower ones are cut. Streams are exempt.',
    { initial: '1KiB', min: '1B', max: '1GiB', zero: 'off' },
  ),
  proxy_protocol: flag(
    'Every connection begins with a PROXY protocol header, version 2, of one of `trusted_proxies`.',
    false,
    { restart: true },
  ),
});

const certificate = entry('CertificateConfig', 'A certificate and its key.', {
  cert_file: path('The certificate and its chain, PEM.', { optional: false }),
  key_file: path('Its private key, PEM. Refused where other users may read or replace it.', { optional: false }),
});

export const tls: z.ZodType = section('TlsConfig', 'TLS, and with it HTTP/2, on the main listener.', {
  enabled: flag('Listens with TLS.', false, { restart: true }),
  cert_file: path('The certificate and its chain, PEM. Read again when it changes.', { optional: true }),
  key_file: path('The private key of `cert_file`, PEM. Refused where other users may read or replace it.', {
    optional: true,
  }),
  min_version: choice(
    'The oldest TLS version that is spoken. A change ends connections of before with what is in flight.',
    ['1.2', '1.3'],
    { initial: '1.3' },
  ),
  client_ca_file: path(
    'Demands client certificates signed by these authorities, PEM. Empty: none are asked for. A change ends connections of before with what is in flight.',
    { optional: true },
  ),
  certificates: list('More certificates, chosen by the name that the client asks for (SNI).', certificate),
});

export const admin: z.ZodType = section('AdminConfig', 'The separate listener for health, metrics and details.', {
  port: wholeNumber('Serves `/health`, `/metrics` and `/health/details` here; 0: on the main port.', {
    initial: 0,
    min: 0,
    max: 65_535,
    restart: true,
  }),
});
