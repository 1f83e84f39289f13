// The settings of how requests are handled: timeouts, CORS, and overrides for single leases.
import type { z } from 'zod';
import {
  isAuthority,
  isChangeableHeader,
  isFieldValue,
  isLeasePattern,
  isOrigin,
  isToken,
} from '../../check/checks.ts';
import { ipRulesSection, scope } from './auth.ts';
import { choice, duration, entry, flag, list, map, section, text } from '../fields.ts';
import { requestPattern } from './request-pattern.ts';

const limits = { min: '1ms', max: '24h' } as const;
const off = { ...limits, zero: 'off' } as const;
const words = {
  dial: 'To reach an app through a relay; then 504 `dial_timeout`.',
  responseHeaders: 'From the end of the request to the first byte of its response; then 504 `headers_timeout`.',
  bodyIdle: 'A body or stream that stands still for this long is cut.',
  total: 'A whole request with its response; then 504 `total_timeout`. Streams are not bounded by it.',
};

const timeoutOverride = entry('TimeoutOverrideConfig', 'Other timeouts for some requests.', {
  ...requestPattern('/slow/*'),
  // A lease without one of these settings uses the global value.
  dial: duration(words.dial, { ...limits, max: '10m' }),
  response_headers: duration(words.responseHeaders, limits),
  body_idle: duration(words.bodyIdle, limits),
  total: duration(words.total, off),
});

export const timeouts: z.ZodType = section('TimeoutsConfig', 'How long the apps may take.', {
  dial: duration(words.dial, { initial: '10s', ...limits, max: '10m' }),
  response_headers: duration(words.responseHeaders, { initial: '60s', ...limits }),
  body_idle: duration(words.bodyIdle, { initial: '5m', ...limits }),
  total: duration(words.total, { initial: '0s', ...off }),
  overrides: list('Other timeouts for some leases and paths; the first that fits counts.', timeoutOverride),
});

const method = text('A method.', { expects: 'a method, such as GET', check: isToken, example: 'GET' });
const headerName = text('A header name.', {
  expects: 'the name of a header',
  check: isToken,
  example: 'X-Example',
});

function corsSection(description: string): z.ZodType {
  return section('CorsConfig', description, {
    enabled: flag('Answers preflights itself, before authentication, and marks responses.', false),
    origins: list(
      'Who may: origins as browsers send them, or `*`.',
      text('An origin.', {
        expects: 'an origin, such as https://app.example.com, or *',
        check: isOrigin,
        example: 'https://app.example.com',
      }),
    ),
    methods: list('Methods allowed beyond GET, HEAD and POST.', method),
    headers: list(
      'Request headers that pages may send beyond the safelisted ones, such as `Authorization`, `Content-Type` and `X-Gateway-Key`.',
      headerName,
    ),
    credentials: flag(
      'Allows requests with cookies and other credentials of the browser. For a header that a page sets, such as `Authorization`, see `headers`.',
      false,
    ),
    max_age: duration('How long browsers may remember a preflight.', {
      initial: '10m',
      min: '1s',
      max: '24h',
      zero: 'not at all',
    }),
  });
}

export const cors: z.ZodType = corsSection('Cross-origin requests of browsers, for every lease.');

const changeableHeader = {
  expects: 'the name of a header that is not of the connection',
  check: isChangeableHeader,
} as const;

function headerChanges(description: string): z.ZodType {
  return section('HeaderChangesConfig', description, {
    set: map(
      'Headers to set, whatever was there before.',
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

const lease = entry('LeaseConfig', 'What leases of this pattern have of their own.', {
  required_scopes: list('Scopes that a caller must have, all of them, beside those that the method needs.', scope),
  ip_rules: ipRulesSection('Which addresses may call these leases.'),
  credentials: choice(
    'Where the credential of a caller is read. `gateway`: `X-Gateway-Key`, `Authorization`, `X-API-Key` or the WebSocket subprotocol. `app`: `X-Gateway-Key` only, so that the others reach the app.',
    ['gateway', 'app'],
    { initial: 'gateway' },
  ),
  host_header: text(
    "The `Host` that the app sees. Empty: the client's in host mode, the lease's name in path mode. Redirects and cookies that name it are mapped back.",
    {
      initial: '',
      expects: 'a host, with its port if need be',
      check: isAuthority,
      example: 'app.internal:8080',
    },
  ),
  headers: section('LeaseHeadersConfig', 'Headers to change.', {
    request: headerChanges('On the way to the app.'),
    response: headerChanges('On the way to the client.'),
  }),
  assertion: section(
    'LeaseAssertionConfig',
    'The assertion that these leases get, where `auth.assertion` is enabled.',
    {
      bind: choice(
        'What it is good for. `none`: all requests of a caller, for up to 30s. `request`: this one request only.',
        ['none', 'request'],
        { initial: 'none' },
      ),
    },
  ),
  cors: corsSection('In place of the general `cors`, where it is enabled.'),
});

export const leases: z.ZodType = map(
  'Settings for some leases, by pattern: `name`, `prefix-*` or `*`. Of the patterns that fit, the most specific one counts.',
  { expects: 'a lease name, a prefix-* or *', check: isLeasePattern },
  lease,
);
