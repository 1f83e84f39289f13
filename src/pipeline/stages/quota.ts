// Owns what of a request counts against the quotas of its key, and what its caller is told of them. Whether one is used up is guard/'s.
import { QuotaCalendar } from '../../guard/quota-calendar.ts';
import {
  type KeyQuotas,
  type Meter,
  type QuotaLedger,
  type QuotaState,
  type QuotaVerdict,
  type Resource,
} from '../../guard/quota-ledger.ts';
import { usageReader, type UsageReader } from '../../guard/usage-reader.ts';
import { GatewayError } from '../../kernel/errors.ts';
import type { CountedDuplex, Flow, RawHeaders, Sink } from '../../kernel/http.ts';
import { compiled } from '../../policy/compiled.ts';
import { ownValue } from '../../policy/own-value.ts';
import type { QuotaPolicy } from '../../policy/policy.ts';
import { PassingSink } from '../passing-sink.ts';
import type { Dispatch, Exchange, Stage } from '../stage.ts';
import { failed } from './failed.ts';

interface Limits {
  readonly quotas: KeyQuotas;
  /** Bytes or tokens are limited, so they are counted. */
  readonly bytes: boolean;
  readonly llmTokens: boolean;
}

const limitsOf = compiled(({ quotas: { timeZone, daily, monthly } }) => {
  const calendar = new QuotaCalendar(timeZone);
  const known = new Map<string, Limits | undefined>();
  for (const name of new Set(['*', ...Object.keys(daily), ...Object.keys(monthly)])) {
    known.set(name, limitsFrom(calendar, quotaOf(daily, name), quotaOf(monthly, name)));
  }
  const others = known.get('*');
  return (key: string) => (known.has(key) ? known.get(key) : others);
});

export function quota(ledger: QuotaLedger): Stage {
  return function quotaStage(next): Dispatch {
    return function countAgainstQuotas(exchange, sink) {
      const { principal, policy } = exchange;
      const limits =
        principal === undefined || principal.kind === 'anonymous' ? undefined : limitsOf(policy)(principal.id);
      if (principal === undefined || limits === undefined) {
        next(exchange, sink);
        return;
      }
      const verdict = ledger.take(principal.id, limits.quotas);
      const told = new ToldQuotas(exchange, verdict);
      if (verdict.refusedBy !== undefined) {
        sink.fail(refusal(verdict.refusedBy));
        return;
      }
      const metered = new MeteredSink(exchange, sink, { ledger, key: principal.id, limits, told });
      try {
        next(exchange, metered);
      } catch (cause) {
        metered.fail(failed(cause));
      }
    };
  };
}

interface Account {
  readonly ledger: QuotaLedger;
  readonly key: string;
  readonly limits: Limits;
  readonly told: ToldQuotas;
}

/** Counts what passes; the ledger asks now and then, so that a long answer is known of before it is over. */
class MeteredSink extends PassingSink implements Meter {
  readonly #exchange: Exchange;
  readonly #account: Account;
  #sentBytes = 0;
  #reader: UsageReader | undefined = undefined;
  #headSent = false;
  #over = false;
  /** After an upgrade the tunnel counts by itself. */
  #peerBytes: () => number = () => 0;
  readonly #reported = { bytes: 0, llmTokens: 0 };

  constructor(exchange: Exchange, sink: Sink, account: Account) {
    super(sink);
    this.#exchange = exchange;
    this.#account = account;
    if (account.limits.bytes || account.limits.llmTokens) account.ledger.watch(this);
  }

  override head(status: number, headers: RawHeaders, flow: Flow): void {
    this.#headSent = true;
    if (this.#account.limits.llmTokens) this.#reader = usageReader(status, headers);
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
    const { ledger, key, limits, told } = this.#account;
    // The limits behind this stage did not admit it, so it is charged to none.
    if (error.code === 'rate_limited' && !this.#headSent && !this.#over) {
      ledger.give(key, limits.quotas);
      told.again(ledger.states(key, limits.quotas));
    }
    this.sink.fail(error);
    this.#finish();
  }

  report(): void {
    const { ledger, key, limits } = this.#account;
    const bytes = this.#sentBytes + this.#exchange.body.receivedBytes + this.#peerBytes();
    const llmTokens = Math.max(this.#reported.llmTokens, this.#reader?.tokens ?? 0);
    const added = { requests: 0, bytes: bytes - this.#reported.bytes, llmTokens: llmTokens - this.#reported.llmTokens };
    if (added.bytes === 0 && added.llmTokens === 0) return;
    Object.assign(this.#reported, { bytes, llmTokens });
    ledger.add(key, limits.quotas, added);
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    const { ledger, limits } = this.#account;
    if (!limits.bytes && !limits.llmTokens) return;
    const close = (): void => {
      this.report();
      ledger.unwatch(this);
    };
    if (this.#reader === undefined) close();
    else this.#reader.end(close);
  }
}

/** What stands of quotas in the head of an answer. */
class ToldQuotas {
  readonly #headers: string[];
  readonly #at: number;

  constructor({ answerHeaders }: Exchange, { states }: QuotaVerdict) {
    this.#headers = answerHeaders;
    this.#at = answerHeaders.length;
    answerHeaders.push(...fieldsOf(states));
  }

  /** It has turned out otherwise. */
  again(states: readonly QuotaState[]): void {
    const fields = fieldsOf(states);
    this.#headers.splice(this.#at, fields.length, ...fields);
  }
}

const fieldNames: Readonly<Record<Resource, string>> = {
  requests: 'requests',
  bytes: 'bytes',
  llmTokens: 'llm-tokens',
};

/** Quota units of draft-ietf-httpapi-ratelimit-headers; requests are what is meant without one. The last one is ours. */
const units: Readonly<Record<Resource, string>> = {
  requests: '',
  bytes: ';qu="content-bytes"',
  llmTokens: ';qu="llm-tokens"',
};

/** In the fields of the rate limit, of which there may be several: `"daily-requests";q=1000;w=86400`. */
function fieldsOf(states: readonly QuotaState[]): string[] {
  const nameOf = ({ kind, resource }: QuotaState): string => `"${kind}-${fieldNames[resource]}"`;
  const policies = states.map(
    (state) => `${nameOf(state)};q=${state.limit};w=${seconds(state.windowMs)}${units[state.resource]}`,
  );
  const left = states.map((state) => `${nameOf(state)};r=${state.remaining};t=${seconds(state.resetMs)}`);
  return ['RateLimit-Policy', policies.join(', '), 'RateLimit', left.join(', ')];
}

const resourceWords: Readonly<Record<Resource, string>> = {
  requests: 'requests',
  bytes: 'bytes',
  llmTokens: 'tokens of language models',
};

function refusal({ kind, resource, resetMs }: QuotaState): GatewayError {
  return new GatewayError(
    'quota_exceeded',
    `The ${kind} quota of this key, in ${resourceWords[resource]}, is used up.`,
    {
      retryAfterSeconds: Math.max(1, seconds(resetMs)),
    },
  );
}

function seconds(ms: number): number {
  return Math.ceil(ms / 1000);
}

/** A name has one of its own, or what all others have: for each of the two by itself. */
function quotaOf(quotas: Readonly<Record<string, QuotaPolicy>>, name: string): QuotaPolicy | undefined {
  return ownValue(quotas, name) ?? ownValue(quotas, '*');
}

function limitsFrom(
  calendar: QuotaCalendar,
  daily: QuotaPolicy | undefined,
  monthly: QuotaPolicy | undefined,
): Limits | undefined {
  if (daily === undefined && monthly === undefined) return undefined;
  const limits = (resource: Resource): boolean => daily?.[resource] !== undefined || monthly?.[resource] !== undefined;
  return { quotas: { calendar, daily, monthly }, bytes: limits('bytes'), llmTokens: limits('llmTokens') };
}
