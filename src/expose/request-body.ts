// The body of a request from a tunnel as a stream, filled by the tunnel. Destroying it leaves the tunnel alone: the response is still
// to be written there.
import { Readable } from 'node:stream';
import { noHeaders, type RawHeaders } from '../kernel/http.ts';

export class RequestBody extends Readable {
  /** Complete once the stream has ended. */
  trailers: RawHeaders = noHeaders;
  readonly #wanted: () => void;

  /** `wanted`: called when there is room for more. */
  constructor(wanted: () => void) {
    super();
    this.#wanted = wanted;
  }

  override _read(): void {
    this.#wanted();
  }

  /** The request is whole. */
  finish(trailers: RawHeaders): void {
    this.trailers = trailers;
    this.push(null);
  }
}
