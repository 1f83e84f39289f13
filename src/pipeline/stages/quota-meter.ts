// Owns a sink that counts what of a request is known only as it passes: bytes, and tokens of language models.
import { none } from '../../guard/quota.ts';
import type { Meter, QuotaLedger } from '../../guard/quota-ledger.ts';
import { usageReader, type UsageReader } from '../../guard/usage-reader.ts';
import type { GatewayError } from '../../kernel/errors.ts';
import type { CountedDuplex, Flow, RawHeaders, Sink } from '../../kernel/http.ts';
import { PassingSink } from '../passing-sink.ts';
import type { Exchange } from '../stage.ts';
import type { KeyQuota } from './quota.ts';

/** The ledger asks now and then, so that a long answer is known of before it is over. */
export class QuotaMeter extends PassingSink implements Meter {
  readonly #exchange: Exchange;
  readonly #ledger: QuotaLedger;
  readonly #quota: KeyQuota;
  #sentBytes = 0;
  #reader: UsageReader | undefined = undefined;
  #over = false;
  /** After an upgrade the tunnel counts by itself. */
  #peerBytes: () => number = () => 0;
  readonly #reported = { bytes: 0, llmTokens: 0 };

  constructor(exchange: Exchange, sink: Sink, ledger: QuotaLedger, quota: KeyQuota) {
    super(sink);
    this.#exchange = exchange;
    this.#ledger = ledger;
    this.#quota = quota;
    ledger.watch(this);
  }

  override head(status: number, headers: RawHeaders, flow: Flow): void {
    if (this.#quota.llmTokens) this.#reader = usageReader(status, headers);
    this.sink.head(status, headers, flow);
  }

  override data(chunk: Uint8Array): boolean {
    this.#sentBytes += chunk.length;
    const more = this.sink.data(chunk);
    this.#reader?.push(chunk);
    return more;
  }

  override end(trailers: RawHeaders): void {
    this.sink.end(trailers);
    this.#finish();
  }

  override upgrade(status: number, headers: RawHeaders, peer: CountedDuplex): void {
    // What was counted until now is the exchange that led here; what came behind it waits to be read.
    const before = peer.bytesSent + peer.bytesReceived - peer.readableLength;
    this.#peerBytes = () => peer.bytesSent + peer.bytesReceived - before;
    this.sink.upgrade(status, headers, peer);
    if (peer.closed) this.#finish();
    else
      peer.once('close', () => {
        this.#finish();
      });
  }

  override fail(error: GatewayError): void {
    this.sink.fail(error);
    this.#finish();
  }

  report(): void {
    const bytes = this.#sentBytes + this.#exchange.body.receivedBytes + this.#peerBytes();
    const llmTokens = Math.max(this.#reported.llmTokens, this.#reader?.tokens ?? 0);
    const added = { bytes: bytes - this.#reported.bytes, llmTokens: llmTokens - this.#reported.llmTokens };
    if (added.bytes === 0 && added.llmTokens === 0) return;
    Object.assign(this.#reported, { bytes, llmTokens });
    this.#ledger.add(this.#quota, { ...none, ...added });
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    const close = (): void => {
      this.report();
      this.#ledger.unwatch(this);
    };
    if (this.#reader === undefined) close();
    else this.#reader.end(close);
  }
}
