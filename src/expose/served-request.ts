// The request that a tunnel serves: how far it and its response have come, and whether another may
// follow it on the tunnel (RFC 9112 §9.3).
import type { ResponseHead } from '../http-client/response.ts';
import type { TunnelRequestHead } from './request/check-request-head.ts';
import type { RequestMeter } from './request-meter.ts';

export class ServedRequest {
  readonly head: TunnelRequestHead;
  /** Undefined: requests are not observed. */
  readonly meter: RequestMeter | undefined;
  /** The request was read to its end. */
  isWhole: boolean;
  #begun = false;
  /** Another request may follow on this tunnel. */
  keeps: boolean;
  /** A 100 (Continue) was sent. */
  #continued = false;

  constructor(head: TunnelRequestHead, meter: RequestMeter | undefined) {
    this.head = head;
    this.meter = meter;
    this.isWhole = head.lengthBytes === 'none';
    this.keeps = head.persistent && !this.offersUpgrade;
  }

  /** The response has begun. */
  get begun(): boolean {
    return this.#begun;
  }

  begin({ status, headers }: ResponseHead): void {
    this.#begun = true;
    this.meter?.begin(status, headers);
  }

  get offersUpgrade(): boolean {
    return this.head.offeredProtocols !== '';
  }

  /**
   * A caller that received no 100 may send the body or omit it, so the start of its next request is
   * unknown.
   */
  get nextIsUnknown(): boolean {
    return this.head.expectsContinue && !this.#continued && !this.isWhole;
  }

  /** Whether the caller gets this interim response. */
  passes({ status }: ResponseHead): boolean {
    if (this.head.version !== '1.1') return false;
    if (status !== 100) return true;
    // Sent once, and only to a caller that expects it.
    if (!this.head.expectsContinue || this.#continued) return false;
    this.#continued = true;
    return true;
  }
}
