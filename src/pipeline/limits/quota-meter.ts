// A sink that counts usage which is known only while a response passes: bytes, and tokens of
// language models.
import { none } from '../../limits/quotas/quota.ts';
import type { Meter, QuotaLedger } from '../../limits/quotas/quota-ledger.ts';
import { chargeReported, chargeUsage, type UsageCharge } from '../../usage/usage-charge.ts';
import type { DecodePool } from '../../usage/decode-pool.ts';
import type { UsageDenials } from '../../usage/denials.ts';
import { type UsageReader, usageReader } from '../../usage/usage-reader.ts';
import { isModelPath, isModelSocketPath } from '../../usage/usage-shape.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { GatewayError } from '../../kernel/errors/gateway-error.ts';
import { llmUsage, type LlmUsage } from '../../kernel/events.ts';
import type { CountedDuplex, Flow, RawHeaders, Sink } from '../../kernel/http/http.ts';
import type { WholeResponse } from '../../kernel/http/whole-response.ts';
import { PassingSink } from '../passing-sink.ts';
import type { Exchange } from '../stage.ts';
import type { KeyQuota } from './key-quota.ts';
import { isReadOnly, requestTextBytes, socketFacts } from './usage-request.ts';

export interface MeterParts {
  readonly ledger: QuotaLedger;
  readonly pool: DecodePool;
  readonly denials: UsageDenials;
  readonly clock: Clock;
}

/** The ledger asks for usage at intervals, so that a long response is counted before it is over. */
export class QuotaMeter extends PassingSink implements Meter {
  readonly #exchange: Exchange;
  readonly #parts: MeterParts;
  readonly #quota: KeyQuota;
  #sentBytes = 0;
  #reader: UsageReader | undefined = undefined;
  #hasHead = false;
  #over = false;
  /** After an upgrade the tunnel counts the bytes. */
  #peerBytes: () => number = () => 0;
  /** Set for an upgrade to a language model, whose messages are not parsed. */
  #socketUsage: (() => UsageCharge) | undefined = undefined;
  #charge: UsageCharge | undefined = undefined;
  readonly #reported = { bytes: 0, llmTokens: 0 };

  constructor(exchange: Exchange, sink: Sink, quota: KeyQuota, parts: MeterParts) {
    super(sink);
    this.#exchange = exchange;
    this.#parts = parts;
    this.#quota = quota;
    parts.ledger.watch(this);
  }

  override respond(response: WholeResponse): void {
    this.#sentBytes += response.body.length;
    this.sink.respond(response);
    this.#finish();
  }

  override head(status: number, headers: RawHeaders, flow: Flow): void {
    this.#hasHead = true;
    if (this.#quota.llmTokens && this.#exchange.req.method !== 'HEAD') this.#reader = this.#readerOf(status, headers);
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
    if (this.#over) return;
    if (this.#reader === undefined) this.#finish();
    else {
      this.#reader.end(() => {
        this.#finish();
      });
    }
  }

  override upgrade(status: number, headers: RawHeaders, peer: CountedDuplex): void {
    this.#hasHead = true;
    // Bytes counted so far belong to the handshake; unread bytes after it belong to the tunnel.
    const sentBefore = peer.bytesSent;
    const receivedBefore = peer.bytesReceived - peer.readableLength;
    const sent = (): number => peer.bytesSent - sentBefore;
    const received = (): number => peer.bytesReceived - receivedBefore;
    this.#peerBytes = () => sent() + received();
    if (this.#quota.llmTokens && isModelSocketPath(this.#target)) {
      this.#socketUsage = () => chargeUsage(socketFacts(received(), sent()), this.#exchange.policy.quotas);
    }
    this.sink.upgrade(status, headers, peer);
    if (peer.closed) this.#finish();
    else
      peer.once('close', () => {
        this.#finish();
      });
  }

  override fail(error: GatewayError): void {
    this.sink.fail(error);
    if (this.#over) return;
    // Without a response head, the app may still have done all the work for a client that left
    // early.
    const pending = !this.#hasHead && error.code === 'client_closed' && this.#exchange.outcome.startedMs > 0;
    if (pending && this.#quota.llmTokens) this.#reader = this.#readerOf(200, []);
    this.#reader?.stop();
    this.#finish();
  }

  report(): void {
    const bytes = this.#sentBytes + this.#exchange.body.receivedBytes + this.#peerBytes();
    const charge = this.#charge ?? this.#chargeSoFar();
    const llmTokens = Math.max(this.#reported.llmTokens, charge?.charged ?? 0);
    const added = { bytes: bytes - this.#reported.bytes, llmTokens: llmTokens - this.#reported.llmTokens };
    if (added.bytes === 0 && added.llmTokens === 0) return;
    Object.assign(this.#reported, { bytes, llmTokens });
    this.#parts.ledger.add(this.#quota, { ...none, ...added });
  }

  get #target(): string {
    return this.#exchange.route?.target ?? '';
  }

  #readerOf(status: number, headers: RawHeaders): UsageReader | undefined {
    const readOnly = isReadOnly(this.#exchange.req.method);
    const modelPath = !readOnly && isModelPath(this.#target);
    const owner = this.#exchange.destination?.lease.id ?? '';
    return usageReader(status, headers, { modelPath, readOnly, owner, pool: this.#parts.pool });
  }

  #chargeSoFar(): UsageCharge | undefined {
    if (this.#socketUsage !== undefined) return this.#socketUsage();
    return this.#reader && chargeReported(this.#reader.facts(0), this.#exchange.policy.quotas);
  }

  #chargeAll(): UsageCharge | undefined {
    if (this.#socketUsage !== undefined) return this.#socketUsage();
    return (
      this.#reader && chargeUsage(this.#reader.facts(requestTextBytes(this.#exchange)), this.#exchange.policy.quotas)
    );
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    this.#charge = this.#chargeAll();
    this.report();
    this.#parts.ledger.unwatch(this);
    if (this.#charge !== undefined) this.#publish(this.#charge);
  }

  #publish({ reported, estimated, unknown, suspicious }: UsageCharge): void {
    const { id: requestId, destination } = this.#exchange;
    const leaseId = destination?.lease.id;
    const { denials, clock } = this.#parts;
    if (unknown === 'denied') denials.deny(this.#quota, leaseId ?? '', clock.wallMs());
    const tokens = Object.values(reported).concat(Object.values(estimated));
    if (unknown === undefined && tokens.every((count) => count === 0)) return;
    if (!llmUsage.hasSubscribers) return;
    const unread = this.#reader?.unread;
    const about = { requestId, keyId: this.#quota.key, leaseId, reported, estimated, unknown, suspicious, unread };
    llmUsage.publish(about satisfies LlmUsage);
  }
}
