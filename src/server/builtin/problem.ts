// Problem responses of the gateway, with the CORS fields that let pages of allowed origins read
// them.
import type { GatewayError } from '../../kernel/errors/gateway-error.ts';
import { problemOf } from '../../kernel/errors/problem.ts';
import type { WholeResponse } from '../../kernel/http/whole-response.ts';
import { errorsUrl } from '../../pipeline/references/errors-url.ts';
import { corsFieldsOfError } from '../../pipeline/lease/lease-cors.ts';
import type { Exchange } from '../../pipeline/stage.ts';

export function problemFor(exchange: Exchange, error: GatewayError): WholeResponse {
  const { id: requestId, req } = exchange;
  const context = {
    proxy: 'portal-gateway',
    requestId,
    errorsUrl: errorsUrl(exchange),
    received: req.headers,
    target: req.target,
  } as const;
  const problem = problemOf(error, context);
  return { ...problem, headers: problem.headers.concat(corsFieldsOfError(exchange, error)) };
}
