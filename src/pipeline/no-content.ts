// Responses without content that a stage sends itself. Errors go through Sink.fail() instead.
import { noHeaders, type Flow, type RawHeaders, type Sink } from '../kernel/http/http.ts';
import { ignore } from '../kernel/ignore.ts';

/** There is no content, so there is nothing to pause. */
const noFlow: Flow = {
  endsByClose: false,
  pause: ignore,
  resume: ignore,
  abort: ignore,
};

export function sendNoContent(sink: Sink, headers: RawHeaders): void {
  sink.head(204, headers, noFlow);
  sink.end(noHeaders);
}
