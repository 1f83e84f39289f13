// Sends the response to a preflight in place of errors that its stage selects. All else passes.
import type { GatewayError } from '../kernel/errors/gateway-error.ts';
import type { RawHeaders, Sink } from '../kernel/http/http.ts';
import { sendNoContent } from './no-content.ts';
import { PassingSink } from './passing-sink.ts';

export class PreflightSink extends PassingSink {
  readonly #headersFor: (error: GatewayError) => RawHeaders | undefined;

  /** `headersFor`: of the response. Undefined: the error passes. */
  constructor(sink: Sink, headersFor: (error: GatewayError) => RawHeaders | undefined) {
    super(sink);
    this.#headersFor = headersFor;
  }

  override fail(error: GatewayError): void {
    const headers = this.#headersFor(error);
    if (headers === undefined) super.fail(error);
    else sendNoContent(this.sink, headers);
  }
}
