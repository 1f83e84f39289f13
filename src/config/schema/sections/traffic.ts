// The settings of how requests are handled: timeouts, CORS, and overrides for single leases.
import type { z } from 'zod';
import {
  isHostAndPort,
  isChangeableHeader,
  isFieldValue,
  isLeasePattern,
  isOrigin,
  isToken,
} from '../../check/checks.ts';
import { ipRulesSection, scope } from './auth.ts';
import { choice, duration, entry, flag, list, map, optionalFlag, section, text } from '../fields.ts';
import { requestPattern } from './request-pattern.ts';

const limits = { min: '1ms', max: '24h' } as const;
const off = { ...limits, zero: 'off' } as const;
const words = {
  dial: 'How long connecting to an app through a relay may take; then 504 `dial_timeout`.',
  responseHeaders:
    'How long the app may take from the end of the request to the first byte of its response; then 504 `headers_timeout`.',
  bodyIdle: 'Aborts a body or stream that makes no progress for this long.',
  total: 'How long a request and its response may take in total; then 504 `total_timeout`. Streams are exempt.',
};

const timeoutOverride = entry(
  'TimeoutOverrideConfig',
  'Timeouts for matching requests. A timeout that is not set has its general value.',
  {
    ...requestPattern('/slow/*'),
    // A lease without one of these settings uses the global value.
    dial: duration(words.dial, { ...limits, max: '10m' }),
    response_headers: duration(words.responseHeaders, limits),
    body_idle: duration(words.bodyIdle, limits),
    total: duration(words.total, off),
  },
);

export const timeouts: z.ZodType = section('TimeoutsConfig', 'How long apps and bodies may take.', {
  dial: duration(words.dial, { initial: '10s', ...limits, max: '10m' }),
  response_headers: duration(words.responseHeaders, { initial: '60s', ...limits }),
  body_idle: duration(words.bodyIdle, { initial: '5m', ...limits }),
  total: duration(words.total, { initial: '0s', ...off }),
  overrides: list('Timeouts for some leases and paths. The first matching entry applies.', timeoutOverride),
});

const method = text('A method.', { expects: 'a method, such as GET', check: isToken, example: 'GET' });
const headerName = text('A header name.', {
  expects: 'the name of a header',
  check: isToken,
  example: 'X-Example',
});

function corsSection(description: string): z.ZodType {
  return section('CorsConfig', description, {
    enabled: flag('Responds to preflight requests before authentication, and adds CORS headers to responses.', false),
    origins: list(
      'Origins to allow, as browsers send them, or `*` for any.',
      text('An origin.', {
        expects: 'an origin, such as https://app.example.com, or *',
        check: isOrigin,
        example: 'https://app.example.com',
      }),
    ),
    methods: list('Methods to allow in addition to GET, HEAD and POST.', method),
    headers: list(
      'Request headers that pages may send in addition to the safelisted ones, such as `Authorization`, `Content-Type` and `X-Gateway-Key`.',
      headerName,
    ),
    credentials: flag(
      'Allows requests with cookies and other browser credentials. For headers that a page sets itself, such as `Authorization`, see `headers`.',
      false,
    ),
    max_age: duration('How long browsers may cache a preflight response.', {
      initial: '10m',
      min: '1s',
      max: '24h',
      zero: 'not at all',
    }),
  });
}

export const cors: z.ZodType = corsSection('Cross-origin requests (CORS), for every lease.');

const changeableHeader = {
  expects: 'the name of a header that does not belong to the connection',
  check: isChangeableHeader,
} as const;

function headerChanges(description: string): z.ZodType {
  return section('HeaderChangesConfig', description, {
    set: map(
      'Headers to set, replacing any existing value.',
      changeableHeader,
      text('A header value, or a reference to a secret.', {
        expects: 'a header value: visible characters and spaces between them',
        check: isFieldValue,
        example: 'value',
        secret: 'possible',
      }),
    ),
    remove: list('Headers to remove.', text('A header name.', { ...changeableHeader, example: 'X-Example' })),
  });
}

const lease = entry('LeaseConfig', 'Settings for leases that match the pattern.', {
  required_scopes: list(
    'Scopes that a caller must have, all of them, in addition to the one that the method requires.',
    scope,
  ),
  ip_rules: ipRulesSection('Client addresses that may call these leases.'),
  credentials: choice(
    'Where to read the credential of the caller. `gateway`: `X-Gateway-Key`, `Authorization`, `X-API-Key` or the WebSocket subprotocol. `app`: `X-Gateway-Key` only, so that the others reach the app.',
    ['gateway', 'app'],
    { initial: 'gateway' },
  ),
  basic: optionalFlag('Whether these leases accept Basic, instead of what `auth.basic` sets.'),
  host_header: text(
    "The `Host` that the app receives. Empty: the client's in host mode, the lease's name in path mode. Redirects and cookies that name this host are mapped back to the client's.",
    {
      initial: '',
      expects: 'a host, with a port if needed',
      check: isHostAndPort,
      example: 'app.internal:8080',
    },
  ),
  strip_prefix: flag(
    'Removes `/peer/<lease>` from the path that the app receives. `false`: the app receives the path as the client sent it, for apps that are configured with this base path. Has no effect in host mode.',
    true,
  ),
  headers: section('LeaseHeadersConfig', 'Changes to headers.', {
    request: headerChanges('Changes to the headers of requests to the app.'),
    response: headerChanges('Changes to the headers of responses to the client.'),
  }),
  assertion: section('LeaseAssertionConfig', 'The assertion sent to these leases, where `auth.assertion` is enabled.', {
    bind: choice(
      'What an assertion is valid for. `none`: any request of the caller, for up to 30s. `request`: this one request only.',
      ['none', 'request'],
      { initial: 'none' },
    ),
  }),
  cors: corsSection('CORS settings that replace the general `cors`, if enabled here.'),
});

export const leases: z.ZodType = map(
  'Settings for some leases, by pattern: `name`, `prefix-*` or `*`. The most specific matching pattern applies.',
  { expects: 'a lease name, a prefix-* or *', check: isLeasePattern },
  lease,
);
