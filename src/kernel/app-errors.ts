// The rows of the error table (error-table.ts) for responses that `expose` makes in place of the app.
import type { ErrorShape } from './error-shape.ts';

type AppErrorCode = 'app_unreachable' | 'bad_app_response' | 'app_timeout';

export const appErrors: Readonly<Record<AppErrorCode, ErrorShape>> = {
  app_unreachable: {
    status: 502,
    title: 'App unreachable',
    proxyError: 'connection_terminated',
    source: 'expose',
    when: 'The app does not accept connections within 10 s, or closed the connection without a response. `Proxy-Status` has the reason, such as `connection_refused` or `connection_timeout`.',
    remedy: 'Start the app, or correct the target of `expose`, which prints the reason where it runs.',
  },
  bad_app_response: {
    status: 502,
    title: 'Bad app response',
    proxyError: 'http_protocol_error',
    source: 'expose',
    when: 'The response of the app is not valid HTTP/1, or ended within its head. `Proxy-Status` tells the two apart.',
    remedy:
      'Correct the app. The line that `expose` prints says what is wrong with the response; nothing of it is passed on.',
  },
  app_timeout: {
    status: 504,
    title: 'App timeout',
    proxyError: 'http_response_timeout',
    source: 'expose',
    when: 'The app accepted the request and did not begin its response within 10 minutes. `timeouts.response_headers` of the gateway usually ends the wait before.',
    remedy: 'Make the app faster, or have it send the head of its response early.',
  },
};
