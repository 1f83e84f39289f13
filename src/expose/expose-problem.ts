// Problem responses of `expose`: those of the gateway, with `portal-expose` in Proxy-Status.
import { errorsPath } from '../kernel/errors/errors-path.ts';
import type { ProxyErrorType } from '../kernel/errors/error-shape.ts';
import type { GatewayError } from '../kernel/errors/gateway-error.ts';
import { fieldValue } from '../kernel/http/field-value.ts';
import type { RawHeaders, RequestHead } from '../kernel/http/http.ts';
import { problemOf } from '../kernel/errors/problem.ts';
import type { WholeResponse } from '../kernel/http/whole-response.ts';

/**
 * Request ids in any other form are not repeated in the problem, because clients can send arbitrary
 * text in this field.
 */
const requestIdForm = /^[\w.:/+=-]{1,128}$/;

/**
 * `head`: undefined if the request could not be read. `proxyError`: overrides the one from the
 * error table.
 */
export function exposeProblem(
  error: GatewayError,
  head: Pick<RequestHead, 'headers' | 'target'> | undefined,
  proxyError: ProxyErrorType | undefined,
): WholeResponse {
  const id = head === undefined ? undefined : fieldValue(head.headers, 'x-request-id');
  const requestId = id !== undefined && requestIdForm.test(id) ? id : undefined;
  const { headers: received, target } = head ?? {};
  const errorsUrl = received && errorsUrlOf(received);
  return problemOf(error, { proxy: 'portal-expose', requestId, errorsUrl, received, target, proxyError });
}

/** Bounded, because other clients of the relay can send any prefix. */
const pathPrefix = /^((?:\/[\w.~%-]+){0,8})\/(?:peer|ws)\/[^/]+$/;

/**
 * The gateway's page, which is beside the prefix under which its caller finds the app. Undefined at
 * the host of a lease, where every path belongs to the app.
 */
function errorsUrlOf(headers: RawHeaders): string | undefined {
  const [, outer] = pathPrefix.exec(fieldValue(headers, 'x-forwarded-prefix') ?? '') ?? [];
  return outer === undefined ? undefined : outer + errorsPath;
}
