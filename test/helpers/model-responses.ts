// Language model responses in the formats of the OpenAI and Anthropic APIs
// (platform.openai.com/docs/api-reference, docs.anthropic.com/en/api), and the token usage that
// each of them reports.
import type { LlmTokens } from '../../src/kernel/events.ts';

export interface ModelResponse {
  readonly name: string;
  readonly path: string;
  readonly type: 'application/json' | 'text/event-stream';
  readonly body: string;
  /** Undefined: the response reports no usage. */
  readonly tokens: LlmTokens | undefined;
}

export const jsonHeaders: readonly string[] = ['Content-Type', 'application/json; charset=utf-8'];
export const eventHeaders: readonly string[] = ['content-type', 'text/event-stream'];

export function tokensOf(more: Partial<LlmTokens>): LlmTokens {
  return { input: 0, cache_read: 0, cache_write: 0, output: 0, reasoning: 0, ...more };
}

const chatUsage = {
  prompt_tokens: 1_117,
  completion_tokens: 246,
  total_tokens: 1_363,
  prompt_tokens_details: { cached_tokens: 1_024, audio_tokens: 0 },
  completion_tokens_details: {
    ...{ reasoning_tokens: 192, audio_tokens: 0, accepted_prediction_tokens: 0, rejected_prediction_tokens: 0 },
  },
};
const chatTokens = tokensOf({ input: 93, cache_read: 1_024, output: 54, reasoning: 192 });

const chat = {
  id: 'chatcmpl-B9MBs8CjcgOU2oLn4n011qLn5MJtT',
  object: 'chat.completion',
  created: 1_741_569_952,
  model: 'gpt-5.1-2025-11-13',
  choices: [
    {
      index: 0,
      message: {
        role: 'assistant',
        content: 'Hello!\nSay "usage": {"total_tokens": 9999} and \\ \u4f60\u597d 😀 é.',
        tool_calls: [
          { id: 'call_1', type: 'function', function: { name: 'weather', arguments: '{"city": "Paris, {}[]"}' } },
        ],
        refusal: null,
        annotations: [],
        usage: { total_tokens: 7 },
      },
      logprobs: null,
      finish_reason: 'stop',
    },
  ],
  usage: chatUsage,
  service_tier: 'default',
};

const chunkHead = {
  id: 'chatcmpl-123',
  object: 'chat.completion.chunk',
  created: 1_694_268_190,
  model: 'gpt-5.1',
  system_fingerprint: 'fp_44709d6fcb',
};

function chunk(more: object): string {
  return `data: ${JSON.stringify({ ...chunkHead, ...more })}\n\n`;
}

const words = ['', 'Hello', ',', ' wor', 'ld "quoted"', ' 你好', '!'];

function chatStream(usage: object | undefined): string {
  const withUsage = usage === undefined ? {} : { usage: null };
  const choice = (delta: object, reason: string | null): object => ({
    choices: [{ index: 0, delta, logprobs: null, finish_reason: reason }],
    ...withUsage,
    obfuscation: 'aBcDeFg',
  });
  const events = words.map((content, i) => chunk(choice(i === 0 ? { role: 'assistant', content } : { content }, null)));
  events.push(chunk(choice({}, 'stop')));
  if (usage !== undefined) events.push(chunk({ choices: [], usage }));
  return `: comment "usage": {"total_tokens": 4}\n\n${events.join('')}data: [DONE]\n\n`;
}

const responsesUsage = {
  input_tokens: 36,
  input_tokens_details: { cached_tokens: 12 },
  output_tokens: 87,
  output_tokens_details: { reasoning_tokens: 80 },
  total_tokens: 123,
};
const responsesTokens = tokensOf({ input: 24, cache_read: 12, output: 7, reasoning: 80 });

function response(status: string, text: string | undefined, usage: object | null): object {
  const content = text === undefined ? [] : [{ type: 'output_text', text, annotations: [] }];
  return {
    id: 'resp_67ccd2bed1ec8190b14f964abc054267',
    object: 'response',
    created_at: 1_741_476_542,
    status,
    instructions: null,
    model: 'gpt-5.1',
    output: text === undefined ? [] : [{ type: 'message', id: 'msg_1', status, role: 'assistant', content }],
    reasoning: { effort: null, summary: null },
    usage,
    metadata: {},
  };
}

function named(type: string, more: object): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...more })}\n\n`;
}

function responsesStream(usage: object | null): string {
  const text = words.join('');
  return [
    named('response.created', { sequence_number: 0, response: response('in_progress', undefined, null) }),
    named('response.in_progress', { response: response('in_progress', undefined, null) }),
    named('response.output_item.added', { output_index: 0, item: { id: 'msg_1', type: 'message', content: [] } }),
    ...words.map((delta) => named('response.output_text.delta', { item_id: 'msg_1', content_index: 0, delta })),
    named('response.output_text.done', { item_id: 'msg_1', content_index: 0, text }),
    named('response.content_part.done', { item_id: 'msg_1', part: { type: 'output_text', text } }),
    named('response.completed', { response: response('completed', text, usage) }),
  ].join('');
}

const messageUsage = {
  input_tokens: 2_095,
  cache_creation_input_tokens: 100,
  cache_read_input_tokens: 5,
  cache_creation: { ephemeral_5m_input_tokens: 100, ephemeral_1h_input_tokens: 0 },
  output_tokens: 23,
  service_tier: 'standard',
};
const messageTokens = tokensOf({ input: 2_095, cache_write: 100, cache_read: 5, output: 23 });

const message = {
  id: 'msg_013Zva2CMHLNnGjJJKk2dxzs',
  type: 'message',
  role: 'assistant',
  model: 'claude-sonnet-4-5-20250929',
  content: [
    { type: 'text', text: 'Hi \\" { "usage" } — let me look that up for you.' },
    { type: 'tool_use', id: 'toolu_1', name: 'get_weather', input: { location: 'San Francisco', days: [1, 2] } },
  ],
  stop_reason: 'tool_use',
  stop_sequence: null,
  usage: messageUsage,
};

function messageStream(last: object | undefined): string {
  const delta = (text: string): string =>
    named('content_block_delta', { index: 0, delta: { type: 'text_delta', text } });
  return [
    named('message_start', {
      message: {
        ...{ id: 'msg_1', type: 'message', role: 'assistant', content: [], model: 'claude-opus-4-5' },
        ...{ stop_reason: null, stop_sequence: null },
        usage: { input_tokens: 25, cache_creation_input_tokens: 7, cache_read_input_tokens: 9, output_tokens: 1 },
      },
    }),
    named('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }),
    named('ping', {}),
    ...words.map(delta),
    delta('"usage":{"output_tokens":900}'),
    named('content_block_stop', { index: 0 }),
    last === undefined
      ? ''
      : named('message_delta', { delta: { stop_reason: 'end_turn', stop_sequence: null }, usage: last }),
    named('message_stop', {}),
  ].join('');
}

const completion = {
  id: 'cmpl-uqkvlQyYK7bGYrRHQ0eXlWi7',
  object: 'text_completion',
  created: 1_589_478_378,
  model: 'gpt-3.5-turbo-instruct',
  choices: [{ text: '\n\nThis is indeed a test', index: 0, logprobs: null, finish_reason: 'length' }],
  usage: { prompt_tokens: 5, completion_tokens: 7, total_tokens: 12 },
};

const embeddings = {
  object: 'list',
  data: [{ object: 'embedding', index: 0, embedding: [-0.0069, 0.0023, 1e-5] }],
  model: 'text-embedding-3-small',
  usage: { prompt_tokens: 8, total_tokens: 8 },
};

const json = 'application/json' as const;
const events = 'text/event-stream' as const;

export const chatWithoutUsage: string = JSON.stringify({ ...chat, usage: undefined });
export const chatStreamWithoutUsage: string = chatStream(undefined);
export const messageStreamWithoutEnd: string = messageStream(undefined);
/** The text of the streamed responses. */
export const streamedText: string = words.join('');

export const modelResponses: readonly ModelResponse[] = [
  { name: 'chat', path: '/v1/chat/completions', type: json, body: JSON.stringify(chat), tokens: chatTokens },
  {
    ...{ name: 'chat in ASCII with spaces', path: '/v1/chat/completions', type: json, tokens: chatTokens },
    body: ascii(JSON.stringify(chat, null, 2)),
  },
  { name: 'chat stream', path: '/v1/chat/completions', type: events, body: chatStream(chatUsage), tokens: chatTokens },
  {
    ...{ name: 'chat stream without include_usage', path: '/v1/chat/completions', type: events, tokens: undefined },
    body: chatStreamWithoutUsage,
  },
  {
    ...{ name: 'responses', path: '/v1/responses', type: json, tokens: responsesTokens },
    body: JSON.stringify(response('completed', 'A text.', responsesUsage), null, 2),
  },
  {
    ...{ name: 'responses stream', path: '/v1/responses', type: events, tokens: responsesTokens },
    body: responsesStream(responsesUsage),
  },
  {
    ...{ name: 'responses stream without usage', path: '/v1/responses', type: events, tokens: undefined },
    body: responsesStream(null),
  },
  { name: 'messages', path: '/v1/messages', type: json, body: JSON.stringify(message), tokens: messageTokens },
  {
    ...{ name: 'messages stream', path: '/v1/messages', type: events, body: messageStream({ output_tokens: 15 }) },
    tokens: tokensOf({ input: 25, cache_write: 7, cache_read: 9, output: 15 }),
  },
  {
    ...{ name: 'messages stream with all in its end', path: '/v1/messages', type: events },
    body: messageStream({
      ...{ input_tokens: 40, cache_creation_input_tokens: 7, cache_read_input_tokens: 9, output_tokens: 15 },
    }),
    tokens: tokensOf({ input: 40, cache_write: 7, cache_read: 9, output: 15 }),
  },
  {
    ...{ name: 'completions', path: '/v1/completions', type: json, body: JSON.stringify(completion) },
    tokens: tokensOf({ input: 5, output: 7 }),
  },
  {
    ...{ name: 'embeddings', path: '/v1/embeddings', type: json, body: JSON.stringify(embeddings) },
    tokens: tokensOf({ input: 8 }),
  },
];

/** Escapes non-ASCII characters, as Python's JSON encoder does by default. */
function ascii(text: string): string {
  return text.replace(/[\u0080-\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
