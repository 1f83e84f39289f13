// Rows of the error table (error-table.ts) for responses that `expose` makes in place of the app.
import type { ErrorShape } from './error-shape.ts';

type AppErrorCode =
  'app_unreachable' | 'bad_app_response' | 'app_timeout' | 'assertion_required' | 'assertion_keys_unavailable';

export const appErrors: Readonly<Record<AppErrorCode, ErrorShape>> = {
  assertion_required: {
    status: 401,
    title: 'Assertion required',
    proxyError: 'http_request_denied',
    source: 'expose',
    when: '`expose --require-assertion` admits only requests with a valid `X-Gateway-Assertion` of its gateway. This one has none, or one that is expired, forged, for another lease or request, or used before; `expose` prints which.',
    remedy:
      'Call the app through its gateway. If the request did come through the gateway, its operator enables `auth.assertion`, checks that `--require-assertion` names the keys of this gateway, and compares the clocks of the two machines.',
  },
  app_unreachable: {
    status: 502,
    title: 'App unreachable',
    proxyError: 'connection_terminated',
    source: 'expose',
    when: 'The app did not accept the connection within 10 s, its certificate is not trusted, or it closed the connection without a response. `Proxy-Status` has the reason, such as `connection_refused`, `connection_timeout` or `tls_certificate_error`.',
    remedy:
      'Start the app, or correct the target of `expose`, which prints the [reason](cli.md#expose) where it runs. If the app closed the connection without a response, it may have processed the request.',
  },
  bad_app_response: {
    status: 502,
    title: 'Bad app response',
    proxyError: 'http_protocol_error',
    source: 'expose',
    when: 'The response of the app is not valid HTTP/1, ended within its head, has a head of more than 64 KiB, or switches to a protocol that the request did not offer. `Proxy-Status` tells these apart.',
    remedy: 'Correct the app. `expose` prints what is wrong with the response and forwards nothing of it.',
  },
  app_timeout: {
    status: 504,
    title: 'App timeout',
    proxyError: 'http_response_timeout',
    source: 'expose',
    when: 'The app accepted the request and did not begin its response within 10 minutes. `timeouts.response_headers` of the gateway usually ends the request earlier.',
    remedy: 'Make the app faster, or have it send its response head early.',
  },
  assertion_keys_unavailable: {
    status: 503,
    title: 'Assertion keys unavailable',
    proxyError: 'proxy_internal_response',
    source: 'expose',
    when: '`expose --require-assertion` has not been able to read the keys of its gateway yet, so it rejects every request.',
    remedy: 'Retry after `Retry-After`. If it persists, see the output of `expose` for the reason.',
  },
};
