// The sink of a client: takes responses of apps in pieces, and complete responses of the gateway itself.
import type { Sink } from '../../kernel/http/http.ts';
import type { WholeResponse } from '../../kernel/http/whole-response.ts';

/** A client's sink also takes what the gateway says by itself. */
export interface ClientSink extends Sink {
  /** Terminal, in place of head, data and end. */
  answer(whole: WholeResponse): void;
}
