// The request body from a tunnel, as a stream that the tunnel fills. Destroying it does not close
// the tunnel, which must still carry the response.
import { Readable } from 'node:stream';
import { noHeaders, type RawHeaders } from '../../kernel/http/http.ts';

export class RequestBody extends Readable {
  /** Complete once the stream has ended. */
  trailers: RawHeaders = noHeaders;
  readonly #wanted: () => void;

  /** `wanted`: called when the stream has room for more. */
  constructor(wanted: () => void) {
    super();
    this.#wanted = wanted;
  }

  override _read(): void {
    this.#wanted();
  }

  finish(trailers: RawHeaders): void {
    this.trailers = trailers;
    this.push(null);
  }
}
