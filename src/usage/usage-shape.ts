// Recognises calls to language models: by the path of the request, and by the JSON of the response. Tables only; usage-json.ts reads
// the JSON. See docs/guides/rate-limiting.md, "Which requests are calls to a language model".

/** The last segment of a path of the OpenAI and Anthropic APIs, in lower case. */
const lastSegments: ReadonlySet<string> = new Set(['completions', 'responses', 'messages', 'embeddings']);
/** Anthropic's oldest API ends in a common verb: its version must stand before it. */
const lastPairs: ReadonlySet<string> = new Set(['v1/complete']);
/** Escapes within escapes that are resolved. */
const maxEscapeLevels = 3;

/**
 * Whether the path is one of a language model, in any spelling that some server takes for it: letter case, escapes, empty and dot
 * segments, backslashes, parameters of a segment, a slash at the end.
 */
export function isModelPath(target: string): boolean {
  return isModelName(segmentsOf(target));
}

/** The same for an upgrade: APIs that speak WebSocket. */
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

/** Of ASCII: no name in the tables has anything else. */
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
/** Values of `type` at any level: output that is charged without being shown whole. */
const hiddenTypes: ReadonlySet<string> = new Set([
  ...['thinking', 'redacted_thinking', 'thinking_delta', 'signature_delta'],
]);
export const hintKeys: ReadonlySet<string> = new Set(['model', 'choices', 'completion', 'stop_reason']);

/** Evidence in the JSON of a response that it is one of a language model. Evidence is added and never withdrawn. */
export class ModelShape {
  #certain = false;
  #hidden = false;
  readonly #hints = new Set<string>();

  /** It is a response of a language model, whatever the path. */
  get certain(): boolean {
    return this.#certain;
  }

  /** On the path of a language model it passes for one. */
  get possible(): boolean {
    return this.#certain || this.#hints.size > 0;
  }

  /** Some of its output may be charged and not shown. */
  get hidesOutput(): boolean {
    return this.#hidden;
  }

  /** `depth`: 1 at the outermost level. */
  key(name: string, depth: number): void {
    if (depth > 2 || !hintKeys.has(name)) return;
    this.#hints.add(name);
    // A message of the Messages API: its `type` alone is that of many a chat.
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

/** Responses API. */
function isResponsesEvent(type: string): boolean {
  return type.startsWith('response.');
}

/** An event that carries text which came in other events before, or that the request held. */
export function repeatsText(type: string): boolean {
  return isResponsesEvent(type) && !type.endsWith('.delta');
}

/** Keys whose strings are no text that a model wrote: identifiers, states, checksums, vectors, and text that stands beside it once more. */
export const wordlessKeys: ReadonlySet<string> = new Set([
  ...['id', 'object', 'type', 'model', 'role', 'status', 'event', 'index', 'phase', 'provider', 'severity'],
  ...['item_id', 'response_id', 'previous_response_id', 'call_id', 'tool_call_id', 'tool_use_id', 'service_tier'],
  ...['finish_reason', 'native_finish_reason', 'stop_reason', 'stop_sequence', 'system_fingerprint', 'obfuscation'],
  ...['signature', 'encrypted_content', 'embedding', 'b64_json', 'token', 'instructions', 'truncation', 'url'],
]);
