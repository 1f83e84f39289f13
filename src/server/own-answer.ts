// The sink of a client: what a response of an app needs, and whole responses of the gateway itself.
import type { Sink } from '../kernel/http.ts';
import type { WholeResponse } from '../kernel/whole-response.ts';

/** A client's sink also takes what the gateway says by itself. */
export interface ClientSink extends Sink {
  /** Terminal, in place of head, data and end. */
  answer(whole: WholeResponse): void;
}
