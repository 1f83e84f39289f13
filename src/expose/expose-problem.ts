// Problem responses of `expose`: those of the gateway, with `portal-expose` in Proxy-Status.
import type { ProxyErrorType } from '../kernel/errors/error-shape.ts';
import type { GatewayError } from '../kernel/errors/gateway-error.ts';
import { fieldValue } from '../kernel/http/field-value.ts';
import type { RequestHead } from '../kernel/http/http.ts';
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
  // `expose` serves no error page, and does not know the URL of the gateway's page for its callers.
  const { headers: received, target } = head ?? {};
  return problemOf(error, { proxy: 'portal-expose', requestId, errorsUrl: undefined, received, target, proxyError });
}
