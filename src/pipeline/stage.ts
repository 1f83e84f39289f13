// Owns the shape of the pipeline: what a request is to a stage, and what a stage is. A stage decides, answers or passes on;
// it never touches Node's req and res.
import type { RawHeaders, RequestBody, RequestHead, Sink } from '../kernel/http.ts';
import type { Policy } from '../policy/policy.ts';
import type { Lease } from '../upstream/transport.ts';

export interface Principal {
  readonly id: string;
}

export interface Exchange {
  readonly id: string;
  readonly kind: 'client' | 'background';
  /** Frozen: what the client sent. */
  readonly req: RequestHead;
  readonly body: RequestBody;
  readonly policy: Policy;
  /** Aborts when the client is gone. */
  readonly signal: AbortSignal;
  clientIp: string;
  principal?: Principal;
  lease?: Lease;
  /** A retry or a revalidation: same client, same body, another head. */
  fork(req: RequestHead, signal: AbortSignal): Exchange;
}

/** Calls exactly one terminal method of the sink. */
export type Dispatch = (exchange: Exchange, sink: Sink) => void;
export type Stage = (next: Dispatch) => Dispatch;

export const noHeaders: RawHeaders = Object.freeze([]);
