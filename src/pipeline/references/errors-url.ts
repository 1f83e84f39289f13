// The URL of the page that explains the error codes (server/builtin/errors-page.ts), in a form that
// the client of a request can follow.
import { errorsPath } from '../../kernel/errors/errors-path.ts';
import type { Policy } from '../../policy/policy.ts';
import { isForApp } from '../request-route.ts';
import { resolveClient } from '../client/resolve-client.ts';
import type { Exchange } from '../stage.ts';

/** Undefined at a host where every path belongs to an app, unless `gateway.public_url` is set. */
export function errorsUrl(exchange: Exchange): string | undefined {
  const { publicUrl } = exchange.policy;
  if (publicUrl !== '') return publicUrl + errorsPath;
  resolveClient(exchange);
  return isForApp(exchange) ? undefined : exchange.outerPrefix + errorsPath;
}

/** For bytes that could not be parsed as a request, so that their host is unknown. */
export function errorsUrlOfUnread({ publicUrl, baseDomain }: Policy): string | undefined {
  if (publicUrl !== '') return publicUrl + errorsPath;
  return baseDomain === '' ? errorsPath : undefined;
}
