// Owns the whole answers that a stage gives by itself, without content. Problems are no answers of this kind: they are failures.
import { noHeaders, type Flow, type RawHeaders, type Sink } from '../kernel/http/http.ts';

/** Nothing flows, so there is nothing to hold back. */
const noFlow: Flow = {
  endsByClose: false,
  pause: () => undefined,
  resume: () => undefined,
  abort: () => undefined,
};

export function sendNoContent(sink: Sink, headers: RawHeaders): void {
  sink.head(204, headers, noFlow);
  sink.end(noHeaders);
}
