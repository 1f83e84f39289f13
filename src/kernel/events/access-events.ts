// Events of access: authentication, rate limits, and the usage that quotas count.
import type { GatewayError } from '../errors/gateway-error.ts';
import { type EventChannel, eventChannel } from './event-channel.ts';

export interface Authenticated {
  /**
   * Type of the credential that was presented. session: of a browser. other: not recognisable as a
   * single credential of the gateway.
   */
  readonly method: 'api_key' | 'session' | 'none' | 'other';
  /**
   * success: the caller is authenticated, or needs no authentication. Otherwise the error code of
   * the response.
   */
  readonly outcome: 'success' | GatewayError['code'];
}

/** Authentication of a request has finished, successfully or not. */
export const authenticated: EventChannel<Authenticated> = eventChannel('authenticated');

export interface RateLimited {
  /** Scope of the bucket that rejected the request. */
  readonly level: 'global' | 'key' | 'lease' | 'tenant' | 'ip';
}

/** A request was rejected by a rate limit. */
export const rateLimited: EventChannel<RateLimited> = eventChannel('rate-limited');

/** Tokens of a language model, by class. Each token counts in exactly one class. */
export interface LlmTokens {
  /** Excludes tokens read from or written to a cache. */
  readonly input: number;
  readonly cache_read: number;
  readonly cache_write: number;
  /** Excludes reasoning tokens. */
  readonly output: number;
  readonly reasoning: number;
}

export interface LlmUsage {
  readonly requestId: string;
  readonly keyId: string;
  readonly leaseId: string | undefined;
  /** Reported by the app, limited to the bounds. */
  readonly reported: LlmTokens;
  /** Estimated by the gateway, where the app did not report. */
  readonly estimated: LlmTokens;
  /** How usage that the app did not report was charged. Undefined: the app reported all usage. */
  readonly unknown: 'estimated' | 'denied' | 'ignored' | undefined;
  /** The app reported more tokens than the bounds allow. */
  readonly suspicious: boolean;
  /** Why the response was not read to its end. */
  readonly unread: string | undefined;
}

/** A response of a language model to a caller with a token quota has ended. */
export const llmUsage: EventChannel<LlmUsage> = eventChannel('llm-usage');

export interface LimitsStoreChanged {
  /**
   * shared: counted in the store that all gateways use. local: counted by this process alone,
   * because the store is unavailable.
   */
  readonly state: 'shared' | 'local';
  /** For the log; contains no address or credential. */
  readonly reason: string;
}

/** The place where rate limits are counted has changed. */
export const limitsStoreChanged: EventChannel<LimitsStoreChanged> = eventChannel('limits-store-changed');
