// Problem responses of the gateway, with the CORS fields that let pages of allowed origins read them.
import type { GatewayError } from '../kernel/errors.ts';
import { problemOf } from '../kernel/problem.ts';
import type { WholeResponse } from '../kernel/whole-response.ts';
import { corsFieldsOfError } from '../pipeline/lease-cors.ts';
import type { Exchange } from '../pipeline/stage.ts';

export function problemFor(exchange: Exchange, error: GatewayError): WholeResponse {
  const { id: requestId, req } = exchange;
  const problem = problemOf(error, { proxy: 'portal-gateway', requestId, received: req.headers });
  return { ...problem, headers: problem.headers.concat(corsFieldsOfError(exchange, error)) };
}
