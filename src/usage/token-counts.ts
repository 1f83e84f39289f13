// Turns the `usage` of OpenAI- and Anthropic-style responses into five classes of tokens. usage-charge.ts decides what a class costs.
import type { LlmTokens } from '../kernel/events.ts';

export const noTokens: LlmTokens = { input: 0, cache_read: 0, cache_write: 0, output: 0, reasoning: 0 };

/** Reported numbers are bounded here so that their sum stays exact; what is charged is bounded further. */
const maxReported = 1e12;

type Fields = Readonly<Record<string, unknown>>;

/** Fields that say the same in different dialects, by what they say. */
interface Parts {
  total: number;
  input: number;
  output: number;
  /** Cache reads and writes that are a part of `input`: OpenAI, DeepSeek. */
  readWithin: number;
  writtenWithin: number;
  /** Cache reads and writes that Anthropic counts beside its input. */
  read: number;
  written: number;
  /** Output that is not shown. */
  hidden: number;
}

/**
 * Streams report cumulative numbers, again and again, and not every field each time (Anthropic's `message_start` has the input,
 * `message_delta` the output): the largest value of each field counts.
 */
export class TokenCount {
  #isReported = false;
  #reportsOutput = false;
  readonly #parts: Parts = {
    ...{ total: 0, input: 0, output: 0, readWithin: 0, writtenWithin: 0, read: 0, written: 0, hidden: 0 },
  };

  note(usage: Fields): void {
    const inputDetails = fieldsIn(usage['prompt_tokens_details'] ?? usage['input_tokens_details']);
    const outputDetails = fieldsIn(usage['completion_tokens_details'] ?? usage['output_tokens_details']);
    const output = numberIn(usage, 'completion_tokens', 'output_tokens');
    this.#note('total', numberIn(usage, 'total_tokens'));
    this.#note('input', numberIn(usage, 'prompt_tokens', 'input_tokens'));
    this.#note('output', output);
    this.#note('readWithin', numberIn(inputDetails, 'cached_tokens') ?? numberIn(usage, 'prompt_cache_hit_tokens'));
    this.#note('writtenWithin', numberIn(inputDetails, 'cache_write_tokens', 'cache_creation_tokens'));
    this.#note('read', numberIn(usage, 'cache_read_input_tokens'));
    this.#note('written', numberIn(usage, 'cache_creation_input_tokens'));
    // Predictions that were rejected are charged as output and not shown, as reasoning is.
    const rejected = numberIn(outputDetails, 'rejected_prediction_tokens') ?? 0;
    const reasoning = numberIn(outputDetails, 'reasoning_tokens', 'thinking_tokens') ?? 0;
    this.#note('hidden', reasoning + rejected);
    this.#reportsOutput ||= output !== undefined;
  }

  /** Some response said a number of tokens, and not only zeros. */
  get isReported(): boolean {
    return this.#isReported;
  }

  /** Output too, be it within a total. */
  get reportsOutput(): boolean {
    return this.#reportsOutput || this.#parts.total > 0;
  }

  get tokens(): LlmTokens {
    const { total, input, output, hidden } = this.#parts;
    const cache = this.#cache();
    const outside = Math.max(0, input - cache.within);
    // Reasoning is a part of the output with OpenAI. Where a total or the numbers themselves say so, it comes on top.
    const beside = hidden > output || (hidden > 0 && total >= input + output + hidden + cache.beside);
    const shown = beside ? output : output - hidden;
    const sum = outside + cache.read + cache.write + shown + hidden;
    // Tokens that only the total includes: all of them where there are no parts (then it is input), else output that is not shown.
    const rest = Math.max(0, total - sum);
    const hasParts = sum > 0;
    return {
      input: outside + (hasParts ? 0 : rest),
      cache_read: cache.read,
      cache_write: cache.write,
      output: shown,
      reasoning: hidden + (hasParts ? rest : 0),
    };
  }

  /** Both conventions: the cache as a part of the input, or beside it. */
  #cache(): { readonly read: number; readonly write: number; readonly within: number; readonly beside: number } {
    const { total, input, output, readWithin, writtenWithin, read, written } = this.#parts;
    const cache = { read: Math.max(read, readWithin), write: Math.max(written, writtenWithin) };
    const cached = cache.read + cache.write;
    const sum = input + output + cached;
    // OpenAI's names mean a part of the input, Anthropic's do not; where proxies mix the dialects, the total tells.
    const isPart = readWithin + writtenWithin > 0 ? total !== sum : total > 0 && total < sum;
    return isPart && cached <= input
      ? { ...cache, within: cached, beside: 0 }
      : { ...cache, within: 0, beside: cached };
  }

  #note(part: keyof Parts, value: number | undefined): void {
    if (value === undefined || value === 0) return;
    this.#isReported = true;
    this.#parts[part] = Math.max(this.#parts[part], value);
  }
}

function fieldsIn(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

/** The largest of them. Undefined: none of them is a number of tokens. */
function numberIn(fields: Fields, ...names: readonly string[]): number | undefined {
  let largest: number | undefined;
  for (const name of names) {
    const value = fields[name];
    if (typeof value !== 'number' || value < 0 || Number.isNaN(value)) continue;
    largest = Math.max(largest ?? 0, Math.min(maxReported, Math.ceil(value)));
  }
  return largest;
}
