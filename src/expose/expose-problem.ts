// The problems that `expose` answers with: those of the gateway, under its own name.
import type { ProxyErrorType } from '../kernel/error-shape.ts';
import type { GatewayError } from '../kernel/errors.ts';
import { fieldValue } from '../kernel/field-value.ts';
import type { RawHeaders } from '../kernel/http.ts';
import { problemOf } from '../kernel/problem.ts';
import type { WholeResponse } from '../kernel/whole-response.ts';

/** An id that a problem repeats: what gateways make, not what strangers might write into a page. */
const requestIdForm = /^[\w.:/+=-]{1,128}$/;

/** `received`: the headers of the request, undefined for what is none. `proxyError`: in place of that of the error's table. */
export function exposeProblem(
  error: GatewayError,
  received: RawHeaders | undefined,
  proxyError: ProxyErrorType | undefined,
): WholeResponse {
  const id = received === undefined ? undefined : fieldValue(received, 'x-request-id');
  const requestId = id !== undefined && requestIdForm.test(id) ? id : undefined;
  return problemOf(error, { proxy: 'portal-expose', requestId, received, proxyError });
}
