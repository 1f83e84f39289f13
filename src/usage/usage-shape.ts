// Recognises calls to language models by the path of the request and the JSON of the response.
// Contains the tables; json-scanner.ts reads the JSON. See docs/guides/rate-limiting.md, "Which
// requests are calls to a language model".

/** The last segment of a path of the OpenAI and Anthropic APIs, in lower case. */
const lastSegments: ReadonlySet<string> = new Set(['completions', 'responses', 'messages', 'embeddings']);
/** Anthropic's oldest API ends in a common verb, so the version must precede it. */
const lastPairs: ReadonlySet<string> = new Set(['v1/complete']);
/** Levels of nested percent-encoding that are decoded. */
const maxEscapeLevels = 3;

/**
 * Whether the path belongs to a language model, in any spelling that some server accepts: letter
 * case, escapes, empty and dot segments, backslashes, parameters of a segment, a trailing slash.
 */
export function isModelPath(target: string): boolean {
  return isModelName(segmentsOf(target));
}

/** The same for an upgrade: APIs over WebSocket. */
export function isModelSocketPath(target: string): boolean {
  const segments = segmentsOf(target);
  return isModelName(segments) || segments.at(-1) === 'realtime';
}

function isModelName(segments: readonly string[]): boolean {
  const last = segments.at(-1) ?? '';
  return lastSegments.has(last) || lastPairs.has(`${segments.at(-2) ?? ''}/${last}`);
}

function segmentsOf(target: string): string[] {
  const mark = target.search(/[?#]/);
  let path = mark === -1 ? target : target.slice(0, mark);
  for (let level = 0; level < maxEscapeLevels && path.includes('%'); level += 1) path = unescaped(path);
  const segments: string[] = [];
  for (const part of path.toLowerCase().replaceAll('\\', '/').split('/')) {
    const [name = ''] = part.split(';', 1);
    if (name === '..') segments.pop();
    else if (name !== '' && name !== '.') segments.push(name);
  }
  return segments;
}

/** Decodes ASCII only: the names in the tables have no other characters. */
function unescaped(path: string): string {
  return path.replace(/%([0-7][0-9a-f])/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** Values of `object`. */
const modelObjects: ReadonlySet<string> = new Set([
  ...['chat.completion', 'chat.completion.chunk', 'text_completion', 'embedding'],
]);
/** Values of `type` at the outermost level: events of the Messages API. */
const modelTypes: ReadonlySet<string> = new Set([
  ...['message_start', 'message_delta', 'content_block_start', 'content_block_delta', 'content_block_stop'],
]);
/** Values of `type` at any level: output that is charged without being shown completely. */
const hiddenTypes: ReadonlySet<string> = new Set([
  ...['thinking', 'redacted_thinking', 'thinking_delta', 'signature_delta'],
]);
export const hintKeys: ReadonlySet<string> = new Set(['model', 'choices', 'completion', 'stop_reason']);

/**
 * Collects evidence in the JSON of a response that it comes from a language model. Evidence is only
 * added.
 */
export class ModelShape {
  #certain = false;
  #hidden = false;
  readonly #hints = new Set<string>();

  /** The response comes from a language model, whatever its path. */
  get certain(): boolean {
    return this.#certain;
  }

  /** Sufficient evidence if the path is that of a language model. */
  get possible(): boolean {
    return this.#certain || this.#hints.size > 0;
  }

  /** Some of the output may be charged without being shown. */
  get hidesOutput(): boolean {
    return this.#hidden;
  }

  /** `depth`: 1 at the outermost level. */
  key(name: string, depth: number): void {
    if (depth > 2 || !hintKeys.has(name)) return;
    this.#hints.add(name);
    // A message of the Messages API: many chat APIs use its `type` too, so that is not enough.
    if (depth === 1 && this.#hints.has('model') && this.#hints.has('stop_reason')) this.#certain = true;
  }

  value(key: string, value: string, depth: number): void {
    if (key === 'object') this.#certain ||= modelObjects.has(value) || (depth <= 2 && value === 'response');
    else {
      this.#hidden ||= hiddenTypes.has(value);
      if (depth === 1) this.#certain ||= modelTypes.has(value) || isResponsesEvent(value);
    }
  }
}

/** The Responses API. */
function isResponsesEvent(type: string): boolean {
  return type.startsWith('response.');
}

/** An event that repeats text of earlier events or of the request. */
export function repeatsText(type: string): boolean {
  return isResponsesEvent(type) && !type.endsWith('.delta');
}

/**
 * Keys whose strings are not text of a model: identifiers, states, checksums, vectors, and repeated
 * text.
 */
export const wordlessKeys: ReadonlySet<string> = new Set([
  ...['id', 'object', 'type', 'model', 'role', 'status', 'event', 'index', 'phase', 'provider', 'severity'],
  ...['item_id', 'response_id', 'previous_response_id', 'call_id', 'tool_call_id', 'tool_use_id', 'service_tier'],
  ...['finish_reason', 'native_finish_reason', 'stop_reason', 'stop_sequence', 'system_fingerprint', 'obfuscation'],
  ...['signature', 'encrypted_content', 'embedding', 'b64_json', 'token', 'instructions', 'truncation', 'url'],
]);
