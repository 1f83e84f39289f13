// Joins stages into one dispatch. When a stage throws, the request fails with an error response.
import { internalError } from '../kernel/errors/gateway-error.ts';
import type { Dispatch, Exchange, Stage } from './stage.ts';
import type { Sink } from '../kernel/http/http.ts';

/** The first stage is the outermost: it sees the request first and the response last. */
export function compose(stages: readonly Stage[], terminal: Dispatch): Dispatch {
  const dispatch = stages.reduceRight<Dispatch>((next, stage) => stage(next), terminal);
  return function guarded(exchange: Exchange, sink: Sink): void {
    try {
      dispatch(exchange, sink);
    } catch (cause) {
      sink.fail(internalError(cause));
    }
  };
}
