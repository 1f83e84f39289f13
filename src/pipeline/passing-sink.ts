// Base class for sinks that intercept only some calls; everything else is forwarded unchanged. A
// stage creates one per request, and none for requests that it does not intercept.
import type { GatewayError } from '../kernel/errors/gateway-error.ts';
import type { Flow, RawHeaders, Sink } from '../kernel/http/http.ts';
import type { WholeResponse } from '../kernel/http/whole-response.ts';

export abstract class PassingSink implements Sink {
  protected readonly sink: Sink;

  constructor(sink: Sink) {
    this.sink = sink;
  }

  informational(status: number, headers: RawHeaders): void {
    this.sink.informational(status, headers);
  }

  respond(response: WholeResponse): void {
    this.sink.respond(response);
  }

  head(status: number, headers: RawHeaders, flow: Flow): void {
    this.sink.head(status, headers, flow);
  }

  data(chunk: Uint8Array): boolean {
    return this.sink.data(chunk);
  }

  end(trailers: RawHeaders): void {
    this.sink.end(trailers);
  }

  upgrade(status: number, headers: RawHeaders, peer: Parameters<Sink['upgrade']>[2]): void {
    this.sink.upgrade(status, headers, peer);
  }

  fail(error: GatewayError): void {
    this.sink.fail(error);
  }
}
