// Admits only requests with a valid assertion to the local app. Periodically reloads the gateway's
// keys from its URL or from a file. assertion-check.ts decides which assertions are valid.
import { readFile } from 'node:fs/promises';
import type { RequestHeadParts } from '../../http-client/encode-request-head.ts';
import { GatewayError } from '../../kernel/errors/gateway-error.ts';
import { fieldValues } from '../../kernel/http/field-value.ts';
import { type Clock, systemClock } from '../../kernel/clock.ts';
import { AssertionCheck, type AssertionFault } from './assertion-check.ts';
import type { AssertionSource } from './assertion-source.ts';

export type GateEvent =
  | { readonly type: 'assertion_keys_failed'; readonly source: string; readonly reason: string }
  | { readonly type: 'assertion_refused'; readonly fault: AssertionFault };

/**
 * A 401 must have a challenge (RFC 9110 §15.5.2); no registered scheme fits an assertion that
 * a proxy adds.
 */
const challenge = ['WWW-Authenticate', 'Gateway-Assertion'];
/** Frequent enough, because a key is published a day before it is used to sign. */
const lookEveryMs = 600_000;
/**
 * Minimum interval between reloads while no keys are loaded or after an unknown key id, so that
 * invalid assertions cannot cause more fetches than this.
 */
const lookAgainMs = 2_000;
const fetchTimeoutMs = 10_000;
const maxKeySetCharacters = 64 * 1024;

export class AssertionGate {
  readonly #source: AssertionSource;
  readonly #check: AssertionCheck;
  readonly #log: (event: GateEvent) => void;
  readonly #closed = new AbortController();
  readonly #clock: Clock;
  readonly #timer: NodeJS.Timeout;
  #known = false;
  #looking = false;
  #lookedMs = -Infinity;

  /** `leaseId`: the audience that assertions must name. */
  constructor(source: AssertionSource, leaseId: string, log: (event: GateEvent) => void, clock: Clock = systemClock) {
    this.#source = source;
    this.#clock = clock;
    this.#check = new AssertionCheck({ audience: leaseId, nowMs: () => clock.wallMs() });
    this.#log = log;
    this.#timer = setInterval(() => void this.look(), lookEveryMs).unref();
  }

  /** Undefined: the request may pass. Never rejects. */
  async refusalOf({ method, target, headers }: RequestHeadParts): Promise<GatewayError | undefined> {
    if (!this.#known) {
      this.#lookAgain();
      const retry = { retryAfterSeconds: lookAgainMs / 1000 };
      return new GatewayError('assertion_keys_unavailable', 'The keys of the gateway are not known yet.', retry);
    }
    const [assertion, ...more] = fieldValues(headers, 'x-gateway-assertion');
    const fault = more.length > 0 ? 'malformed' : await this.#check.faultOf(assertion, { method, target });
    if (fault === undefined) return undefined;
    if (fault === 'unknown_key') this.#lookAgain();
    this.#log({ type: 'assertion_refused', fault });
    return new GatewayError('assertion_required', 'Call this app through its gateway.', { headers: challenge });
  }

  /** Reloads the keys. Never rejects: a failure is logged, and the previous keys stay in use. */
  async look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    this.#lookedMs = this.#clock.monotonicMs();
    try {
      this.#check.setKeys(JSON.parse(await this.#text()));
      this.#known = true;
    } catch (error) {
      if (!this.#closed.signal.aborted) this.#log({ type: 'assertion_keys_failed', ...this.#failure(error) });
    } finally {
      this.#looking = false;
    }
  }

  /** Idempotent. */
  close(): void {
    clearInterval(this.#timer);
    this.#closed.abort();
  }

  #lookAgain(): void {
    if (this.#clock.monotonicMs() - this.#lookedMs >= lookAgainMs) void this.look();
  }

  async #text(): Promise<string> {
    if (this.#source.kind === 'file') return readFile(this.#source.path, 'utf8');
    const signal = AbortSignal.any([this.#closed.signal, AbortSignal.timeout(fetchTimeoutMs)]);
    const response = await fetch(this.#source.url, {
      signal,
      redirect: 'error',
      headers: { accept: 'application/json' },
    });
    if (response.status !== 200) {
      await response.body?.cancel();
      throw new Error(`HTTP ${response.status}`);
    }
    let text = '';
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) {
      text += decoder.decode(chunk as Uint8Array, { stream: true });
      if (text.length > maxKeySetCharacters) throw new Error('too large for a key set');
    }
    return text;
  }

  #failure(error: unknown): { readonly source: string; readonly reason: string } {
    const source = this.#source.kind === 'file' ? this.#source.path : this.#source.url.href;
    if (error instanceof SyntaxError) return { source, reason: 'it is not JSON' };
    const { cause = error } = error as Error;
    const code = (cause as Partial<NodeJS.ErrnoException>).code;
    return { source, reason: code ?? (error instanceof Error ? error.message : 'unknown') };
  }
}
