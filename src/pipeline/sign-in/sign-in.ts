// Signs a browser in by a one-time link, and identifies its later requests by a cookie. Only for
// requests to a host of the app's own: in path mode every app could use the session of another.
import { hasOwnKeyIn } from '../../auth/api-key.ts';
import { type BrowserSessions, sessionLifetimeMs } from '../../auth/browser-sessions.ts';
import { bearerChallenge } from '../../auth/credential-errors.ts';
import { credentialFields } from '../../auth/credential.ts';
import { holdsKey } from '../../auth/hidden-keys.ts';
import { signInPath } from '../../auth/sign-in-url.ts';
import { GatewayError } from '../../kernel/errors/gateway-error.ts';
import { fieldValue, fieldValues } from '../../kernel/http/field-value.ts';
import type { RawHeaders, Sink } from '../../kernel/http/http.ts';
import { wholeResponse, type WholeResponse } from '../../kernel/http/whole-response.ts';
import { leaseKey } from '../../kernel/lease-name.ts';
import { callerHeaders } from '../client/caller-headers.ts';
import { presumedCrossSiteFault } from '../lease/cross-site-fault.ts';
import { PassingSink } from '../passing-sink.ts';
import type { Dispatch, Exchange, Stage } from '../stage.ts';
import { cookiesIn, setCookie } from './session-cookie.ts';
import { isSignIn } from './is-sign-in.ts';

/** Without `sessions` the stage does not exist. */
export function signIn(sessions: BrowserSessions | undefined): Stage {
  return function signInStage(next): Dispatch {
    if (sessions === undefined) return next;
    return function identifyBrowser(exchange, sink) {
      const session = takeSession(exchange);
      if (exchange.route?.kind !== 'host') next(exchange, isNavigation(exchange) ? new SignInHint(sink) : sink);
      else if (isSignIn(exchange) && exchange.req.method !== 'POST') serve(exchange, sink, { session, sessions });
      else identify(exchange, sink, { session, next, sessions });
    };
  };
}

interface Parts {
  /** From the cookie; '' for none. */
  readonly session: string;
  readonly sessions: BrowserSessions;
}

/**
 * Keeps the cookie from apps on every route: browsers send it in path mode too, to an app that is
 * called under the same host.
 */
function takeSession(exchange: Exchange): string {
  const { req, authority = '' } = exchange;
  const { session, others } = cookiesIn(req.headers, authority);
  if (others !== undefined) {
    exchange.strippedHeaders.push('cookie');
    if (others !== '') exchange.appHeaders.push('Cookie', others);
  }
  return session;
}

function identify(
  exchange: Exchange,
  sink: Sink,
  { session, next, sessions }: Parts & { readonly next: Dispatch },
): void {
  const { req, authority = '' } = exchange;
  // A key identifies the caller, with or without a session. A link is never made by a session.
  if (hasKey(req.headers) || isSignIn(exchange)) {
    next(exchange, sink);
    return;
  }
  const principal = sessions.find(session, leaseOf(exchange));
  if (principal === undefined) {
    next(exchange, isNavigation(exchange) ? new SignInHint(sink, anotherLink(authority)) : sink);
    return;
  }
  const fault = presumedCrossSiteFault(exchange);
  if (fault !== undefined) sink.fail(fault);
  else {
    exchange.principal = principal;
    exchange.usesSession = true;
    exchange.appHeaders.push(...callerHeaders(principal));
    next(exchange, sink);
  }
}

/** Redirects at once, so that the link leaves the address bar. */
function serve(exchange: Exchange, sink: Sink, { session: current, sessions }: Parts): void {
  const { req, route, authority = '' } = exchange;
  if (req.method !== 'GET') {
    sink.fail(new GatewayError('method_not_allowed', 'A sign-in link is opened by GET.', { headers: allow }));
    return;
  }
  // Looking ahead must not use the link up. Browsers discard the response and ask again.
  if (isPrefetch(req.headers)) {
    sink.respond(wholeResponse(503, 'text/plain; charset=utf-8', Buffer.from('Sign-in links are not prefetched.\n')));
    return;
  }
  const lease = leaseOf(exchange);
  const token = new URLSearchParams((route?.target ?? '').slice(signInPath.length)).get('token') ?? '';
  const session = sessions.redeem(token, lease);
  if (session !== undefined) sink.respond(toApp(['Set-Cookie', setCookie(authority, session, sessionLifetimeMs)]));
  // The same link in the same browser again: it is signed in already.
  else if (sessions.find(current, lease) !== undefined) sink.respond(toApp([]));
  else sink.fail(new GatewayError('expired_credentials', usedLink(authority), { headers: bearerChallenge() }));
}

const allow = ['Allow', 'GET, POST'];

function toApp(headers: readonly string[]): WholeResponse {
  const empty = wholeResponse(303, 'text/plain; charset=utf-8', Buffer.alloc(0));
  return { ...empty, headers: [...empty.headers, 'Location', '/', ...headers] };
}

function usedLink(authority: string): string {
  return `This sign-in link is not valid: it works once, within 5 minutes, while the \`dev\` that printed it runs. ${anotherLink(authority)}`;
}

function anotherLink(authority: string): string {
  return `For another link, restart \`portal-gateway dev\`, or run \`curl -X POST -H 'Authorization: Bearer KEY' http://${authority}${signInPath}\` with the key that it printed.`;
}

/** For page loads without a session: the error explains how to sign in, not how to send a key. */
class SignInHint extends PassingSink {
  readonly #more: string;

  constructor(sink: Sink, more = "It leads to a host of the app's own: browsers cannot sign in here.") {
    super(sink);
    this.#more = more;
  }

  override fail(error: GatewayError): void {
    const { code, headers } = error;
    const detail = `Open the sign-in link that \`portal-gateway dev\` printed. ${this.#more}`;
    super.fail(code === 'missing_credentials' ? new GatewayError(code, detail, { headers }) : error);
  }
}

function leaseOf({ route }: Exchange): string {
  return leaseKey(route?.lease ?? '');
}

function isNavigation({ req }: Exchange): boolean {
  return req.method === 'GET' && !req.upgrade && (fieldValue(req.headers, 'accept')?.includes('text/html') ?? false);
}

/** Fetch Metadata and the older fields of Chromium, Safari and Firefox. */
function isPrefetch(headers: RawHeaders): boolean {
  return ['sec-purpose', 'purpose', 'x-purpose', 'x-moz'].some((name) =>
    fieldValues(headers, name).some((value) => /\b(?:prefetch|preview)\b/i.test(value)),
  );
}

/**
 * Whether the request carries a key of the gateway, which `authenticate` then checks and strips.
 * Any other `Authorization` or `X-API-Key` belongs to the app, as beside `X-Gateway-Key`.
 */
function hasKey(headers: RawHeaders): boolean {
  const { gatewayKeys, offeredKeys, apiKeys, authorizations } = credentialFields(headers);
  if (gatewayKeys.length > 0 || offeredKeys.length > 0) return true;
  return [...apiKeys, ...authorizations].some((value) => holdsKey(value, ownKeys));
}

const ownKeys = { beginsIn: hasOwnKeyIn, isKey: () => false };
