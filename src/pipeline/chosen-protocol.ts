// Completes the handshake of a WebSocket whose only offered subprotocol was a key. The app was
// offered none and selects none, and browsers close a connection whose server selects none of their
// offers (WebSockets Standard, "establish a WebSocket connection"; RFC 6455 §4.1 does not require
// it). So the gateway selects its own subprotocol. The client gets its own key back; the app never
// sees it.
import { keyProtocol } from '../auth/credential.ts';
import { fieldValue } from '../kernel/http/field-value.ts';
import type { RawHeaders, Sink } from '../kernel/http/http.ts';
import { PassingSink } from './passing-sink.ts';

/** A token, which a header can carry unquoted (RFC 9110 §5.6.2). */
const token = /^[\w!#$%&'*+.^`|~-]+$/;

export class ChosenProtocol extends PassingSink {
  readonly #protocol: string;

  constructor(sink: Sink, key: string) {
    super(sink);
    this.#protocol = keyProtocol(key);
  }

  override upgrade(status: number, headers: RawHeaders, peer: Parameters<Sink['upgrade']>[2]): void {
    const isChosen = fieldValue(headers, 'sec-websocket-protocol') !== undefined;
    const isSayable = token.test(this.#protocol);
    const all = isChosen || !isSayable ? headers : [...headers, 'Sec-WebSocket-Protocol', this.#protocol];
    super.upgrade(status, all, peer);
  }
}
