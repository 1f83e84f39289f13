// Computes the charge for one response: the tokens that the app reported, within bounds, or an estimate. Pure.
import type { LlmTokens } from '../kernel/events.ts';
import type { QuotasPolicy, TokenClass } from '../policy/policy.ts';
import { noTokens } from './token-counts.ts';

/** The facts about a response, at its end or before it. */
export interface UsageFacts {
  /** By the app. Undefined: nothing. */
  readonly reported: LlmTokens | undefined;
  /** False: the app reported input alone. */
  readonly reportsOutput: boolean;
  /** The response is one of a language model. Without it, only what was reported counts. */
  readonly isModel: boolean;
  /** It ended as it should, and the gateway was not too busy to read it. */
  readonly complete: boolean;
  /** Of the request. */
  readonly requestTextBytes: number;
  /** Of the response: in all, and since usage was last reported. */
  readonly textBytes: number;
  readonly unreportedTextBytes: number;
  /** Of the response, with its coding undone. Infinity: they were not all read, so that nothing can be said. */
  readonly decodedBytes: number;
  /** Some output may be charged without being shown: its text does not bound it. */
  readonly hidesOutput: boolean;
}

export type UsageRules = Pick<QuotasPolicy, 'count' | 'unknownUsage' | 'maxTokensPerResponse'>;

export interface UsageCharge {
  readonly reported: LlmTokens;
  readonly estimated: LlmTokens;
  /** Of the classes that count. */
  readonly charged: number;
  /** The app reported more than the bounds allow. */
  readonly suspicious: boolean;
  /** How usage that the app did not report was charged. Undefined: it reported all. */
  readonly unknown: 'estimated' | 'denied' | 'ignored' | undefined;
}

/** Of English text, by the rule of thumb of both vendors. */
const bytesPerToken = 4;
/** Text after the last report that is no output: results of content filters, what proxies add about costs. */
const maxTrailingTextBytes = 256;

export const tokenClasses: readonly TokenClass[] = ['input', 'cache_read', 'cache_write', 'output', 'reasoning'];

/** The charge for what was reported so far, which the final one is never below. */
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
  // A client that leaves has kept the app from reporting. What came is charged, and nobody is shut out for a lost connection, nor for
  // what others keep the gateway busy with.
  if (rules.unknownUsage === 'deny' && facts.complete) return { ...known, unknown: 'denied' };
  const max = rules.maxTokensPerResponse;
  const estimated = { ...missing, input: Math.min(missing.input, max), output: Math.min(missing.output, max) };
  const charged = Math.min(sumOf(known.reported, rules.count) + sumOf(estimated, rules.count), max);
  return { ...known, estimated, charged, unknown: 'estimated' };
}

function isUnreported({ isModel, reported }: UsageFacts): boolean {
  return isModel && reported === undefined;
}

/** Text that no report covers: all of it; the output, where only input was reported; or what came after the last report. */
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
 * A token that is shown has a byte at least. Input, cache and reasoning (histories, files, images) may be more than the bytes that
 * pass here: they have a bound by setting.
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
  // A class that the setting names twice counts once.
  return tokenClasses.reduce((sum, name) => sum + (classes.includes(name) ? tokens[name] : 0), 0);
}
