// Owns the answer to a WebSocket whose only subprotocol was a key. The app was offered none and chooses none, and a browser ends what
// chose none of its offers (WebSockets Standard, "establish a WebSocket connection"; RFC 6455 §4.1 would not): so the gateway chooses
// the one that was meant for it. The client hears its own key; the app does not.
import { keyProtocol } from '../auth/credential.ts';
import { fieldValue } from '../kernel/http/field-value.ts';
import type { RawHeaders, Sink } from '../kernel/http/http.ts';
import { PassingSink } from './passing-sink.ts';

/** What a header can carry as it came (RFC 9110 §5.6.2). */
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
