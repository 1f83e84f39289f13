// The sink of a client: accepts app responses in pieces, and complete responses of the gateway
// itself.
import type { Sink } from '../../kernel/http/http.ts';
import type { WholeResponse } from '../../kernel/http/whole-response.ts';

/** A sink that also accepts complete responses of the gateway. */
export interface ClientSink extends Sink {
  /** Terminal; replaces head, data and end. */
  answer(whole: WholeResponse): void;
}
