// Makes another sign-in link for callers with a key (`POST` to the sign-in path).
import type { BrowserSessions } from '../../auth/browser-sessions.ts';
import { signInUrl } from '../../auth/sign-in-url.ts';
import { wholeResponse } from '../../kernel/http/whole-response.ts';
import { leaseKey } from '../../kernel/lease-name.ts';
import type { Dispatch, Stage } from '../stage.ts';
import { isSignIn } from './is-sign-in.ts';

/** Without `sessions` the stage does not exist. */
export function signInLink(sessions: BrowserSessions | undefined): Stage {
  return function signInLinkStage(next): Dispatch {
    if (sessions === undefined) return next;
    return function createLink(exchange, sink) {
      const { route, scheme, authority = '' } = exchange;
      if (route === undefined || !isSignIn(exchange)) {
        next(exchange, sink);
        return;
      }
      const url = signInUrl(`${scheme}://${authority}`, sessions.createLink(leaseKey(route.lease)));
      sink.respond(wholeResponse(201, 'text/plain; charset=utf-8', Buffer.from(`${url}\n`)));
    };
  };
}
