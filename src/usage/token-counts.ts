// Converts the `usage` of OpenAI- and Anthropic-style responses to five classes of tokens.
// usage-charge.ts computes the charge.
import type { LlmTokens } from '../kernel/events.ts';

export const noTokens: LlmTokens = { input: 0, cache_read: 0, cache_write: 0, output: 0, reasoning: 0 };

/** Bounds reported numbers so that their sum stays exact; the charge is bounded more tightly. */
const maxReported = 1e12;

type Fields = Readonly<Record<string, unknown>>;

/** Fields of all dialects, grouped by meaning. */
interface Parts {
  total: number;
  input: number;
  output: number;
  /** Cache reads and writes that are part of `input`: OpenAI, DeepSeek. */
  readWithin: number;
  writtenWithin: number;
  /** Cache reads and writes that Anthropic reports separately from its input. */
  read: number;
  written: number;
  /** Output that is not shown, such as reasoning. */
  hidden: number;
}

/**
 * Streams repeat cumulative numbers, and not every field each time (Anthropic's `message_start` has
 * the input, `message_delta` the output), so the largest value of each field counts.
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
    // Rejected predictions are charged as output but not shown, like reasoning.
    const rejected = numberIn(outputDetails, 'rejected_prediction_tokens') ?? 0;
    const reasoning = numberIn(outputDetails, 'reasoning_tokens', 'thinking_tokens') ?? 0;
    this.#note('hidden', reasoning + rejected);
    this.#reportsOutput ||= output !== undefined;
  }

  /** The response reported a number of tokens other than zero. */
  get isReported(): boolean {
    return this.#isReported;
  }

  /** Output was reported, alone or within a total. */
  get reportsOutput(): boolean {
    return this.#reportsOutput || this.#parts.total > 0;
  }

  get tokens(): LlmTokens {
    const { total, input, output, hidden } = this.#parts;
    const cache = this.#cache();
    const outside = Math.max(0, input - cache.within);
    // OpenAI includes reasoning in the output. If the total or the numbers themselves show
    // otherwise, it is added.
    const beside = hidden > output || (hidden > 0 && total >= input + output + hidden + cache.beside);
    const shown = beside ? output : output - hidden;
    const sum = outside + cache.read + cache.write + shown + hidden;
    // Tokens that only the total includes: input if there are no parts, otherwise output that is
    // not shown.
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

  /** Supports both conventions: cache as part of the input, or separate from it. */
  #cache(): { readonly read: number; readonly write: number; readonly within: number; readonly beside: number } {
    const { total, input, output, readWithin, writtenWithin, read, written } = this.#parts;
    const cache = { read: Math.max(read, readWithin), write: Math.max(written, writtenWithin) };
    const cached = cache.read + cache.write;
    const sum = input + output + cached;
    // OpenAI's field names mean part of the input, Anthropic's do not. Where proxies mix the
    // dialects, the total decides.
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

/** The largest of the fields. Undefined: none of them is a number of tokens. */
function numberIn(fields: Fields, ...names: readonly string[]): number | undefined {
  let largest: number | undefined;
  for (const name of names) {
    const value = fields[name];
    if (typeof value !== 'number' || value < 0 || Number.isNaN(value)) continue;
    largest = Math.max(largest ?? 0, Math.min(maxReported, Math.ceil(value)));
  }
  return largest;
}
