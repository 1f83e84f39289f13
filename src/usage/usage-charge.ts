// Computes the charge for one response: the tokens that the app reported, within bounds, or an
// estimate. Pure.
import type { LlmTokens } from '../kernel/events.ts';
import type { QuotasPolicy, TokenClass } from '../policy/policy.ts';
import { noTokens } from './token-counts.ts';

/** The facts about a response, at its end or before it. */
export interface UsageFacts {
  /** By the app. Undefined: it reported nothing. */
  readonly reported: LlmTokens | undefined;
  /** False: the app reported only input. */
  readonly reportsOutput: boolean;
  /** The response comes from a language model. If not, only reported tokens count. */
  readonly isModel: boolean;
  /** It ended normally, and the gateway was not too busy to read it. */
  readonly complete: boolean;
  /** Of the request. */
  readonly requestTextBytes: number;
  /** Of the response: in total, and since the last report of usage. */
  readonly textBytes: number;
  readonly unreportedTextBytes: number;
  /** Of the decoded response. Infinity: not all of it was read, so the size is unknown. */
  readonly decodedBytes: number;
  /** Some output may be charged without being shown, so the response's size does not bound it. */
  readonly hidesOutput: boolean;
}

export type UsageRules = Pick<QuotasPolicy, 'count' | 'unknownUsage' | 'maxTokensPerResponse'>;

export interface UsageCharge {
  readonly reported: LlmTokens;
  readonly estimated: LlmTokens;
  /** Sum of the classes that count. */
  readonly charged: number;
  /** The app reported more than the bounds allow. */
  readonly suspicious: boolean;
  /** How usage that the app did not report was charged. Undefined: the report was complete. */
  readonly unknown: 'estimated' | 'denied' | 'ignored' | undefined;
}

/** For English text, by the rule of thumb of OpenAI and Anthropic. */
const bytesPerToken = 4;
/**
 * Text after the last report that is not output: results of content filters, cost information of
 * proxies.
 */
const maxTrailingTextBytes = 256;

export const tokenClasses: readonly TokenClass[] = ['input', 'cache_read', 'cache_write', 'output', 'reasoning'];

/** The charge for the tokens reported so far; the final charge is never lower. */
export function chargeReported(facts: UsageFacts, rules: UsageRules): UsageCharge {
  const { tokens, suspicious } = bounded(facts, rules.maxTokensPerResponse);
  const charged = Math.min(sumOf(tokens, rules.count), rules.maxTokensPerResponse);
  return { reported: tokens, estimated: noTokens, charged, suspicious, unknown: undefined };
}

export function chargeUsage(facts: UsageFacts, rules: UsageRules): UsageCharge {
  const known = chargeReported(facts, rules);
  const missing = missingOf(facts);
  if (sumOf(missing, tokenClasses) === 0 && !isUnreported(facts)) return known;
  if (rules.unknownUsage === 'ignore') return { ...known, unknown: 'ignored' };
  // If the client disconnects, the app cannot report: what was sent is charged. A key is not denied
  // for a lost connection, nor because the gateway is busy with other responses.
  if (rules.unknownUsage === 'deny' && facts.complete) return { ...known, unknown: 'denied' };
  const max = rules.maxTokensPerResponse;
  const estimated = { ...missing, input: Math.min(missing.input, max), output: Math.min(missing.output, max) };
  const charged = Math.min(sumOf(known.reported, rules.count) + sumOf(estimated, rules.count), max);
  return { ...known, estimated, charged, unknown: 'estimated' };
}

function isUnreported({ isModel, reported }: UsageFacts): boolean {
  return isModel && reported === undefined;
}

/**
 * Text that no report covers: all of it; the output, if only input was reported; or what followed
 * the last report.
 */
function missingOf(facts: UsageFacts): LlmTokens {
  const { isModel, reported, reportsOutput, complete, requestTextBytes, textBytes, unreportedTextBytes } = facts;
  if (!isModel) return noTokens;
  if (reported === undefined) return { ...noTokens, input: estimate(requestTextBytes), output: estimate(textBytes) };
  if (!reportsOutput) return { ...noTokens, output: estimate(textBytes) };
  if (complete && unreportedTextBytes <= maxTrailingTextBytes) return noTokens;
  return { ...noTokens, output: estimate(unreportedTextBytes) };
}

function estimate(bytes: number): number {
  return Math.ceil(bytes / bytesPerToken);
}

/**
 * A shown token has at least one byte. Input, cache and reasoning (histories, files, images) may
 * exceed the bytes that pass through the gateway, so a setting bounds them.
 */
function bounded(facts: UsageFacts, max: number): { readonly tokens: LlmTokens; readonly suspicious: boolean } {
  const { reported, decodedBytes, hidesOutput } = facts;
  if (reported === undefined) return { tokens: noTokens, suspicious: false };
  const shown = Math.min(reported.output, hidesOutput ? max : Math.min(max, decodedBytes));
  const tokens = {
    input: Math.min(reported.input, max),
    cache_read: Math.min(reported.cache_read, max),
    cache_write: Math.min(reported.cache_write, max),
    output: shown,
    reasoning: Math.min(reported.reasoning, max),
  };
  const reportedSum = sumOf(reported, tokenClasses);
  return { tokens, suspicious: reportedSum > sumOf(tokens, tokenClasses) || reportedSum > max };
}

function sumOf(tokens: LlmTokens, classes: readonly TokenClass[]): number {
  // A class that is configured twice counts once.
  return tokenClasses.reduce((sum, name) => sum + (classes.includes(name) ? tokens[name] : 0), 0);
}
