// Finds out whether an app is an MCP server, by asking it to initialize at the usual paths. Bounded
// in time and bytes, because the app may be anything.
import { isEventStream } from '../../kernel/http/event-stream.ts';
import { ignore } from '../../kernel/ignore.ts';
import type { Target } from '../../expose/app/target.ts';

const timeoutMs = 3_000;
const maxBytes = 65_536;
const accept = 'application/json, text/event-stream';

/** MCP 2025-06-18, Lifecycle; servers respond with a version of their own. */
const initialize = JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: {
    protocolVersion: '2025-06-18',
    capabilities: {},
    clientInfo: { name: 'portal-gateway', version: '1' },
  },
});

/** The path at which the app is an MCP server; undefined: at none of them. Never rejects. */
export async function mcpPathOf(target: Target, signal: AbortSignal): Promise<string | undefined> {
  if (await isMcp(`${target.origin}/mcp`, signal)) return '/mcp';
  // A POST to a page could have an effect. MCP servers reject this GET, or open a stream.
  if (await isPage(`${target.origin}/`, signal)) return undefined;
  return (await isMcp(`${target.origin}/`, signal)) ? '/' : undefined;
}

async function isPage(url: string, signal: AbortSignal): Promise<boolean> {
  const { response, done } = await ask(url, signal, { headers: { accept: 'text/event-stream' } });
  const isStream = response !== undefined && sendsEvents(response);
  done();
  return response === undefined || (response.status < 400 && !isStream);
}

async function isMcp(url: string, signal: AbortSignal): Promise<boolean> {
  const { response, done } = await ask(url, signal, {
    method: 'POST',
    headers: { accept, 'content-type': 'application/json' },
    body: initialize,
  });
  try {
    if (response?.status !== 200) return false;
    const found = await hasResult(response);
    const session = response.headers.get('mcp-session-id');
    if (found && session !== null) void end(url, session);
    return found;
  } catch {
    return false;
  } finally {
    done();
  }
}

interface Asked {
  /** Undefined: no response in time. */
  readonly response: Response | undefined;
  /** Ends the connection, and with it the rest of the body. */
  readonly done: () => void;
}

async function ask(url: string, signal: AbortSignal, request: RequestInit): Promise<Asked> {
  const abort = new AbortController();
  const done = (): void => {
    abort.abort();
  };
  const bounds = AbortSignal.any([signal, abort.signal, AbortSignal.timeout(timeoutMs)]);
  try {
    return { response: await fetch(url, { ...request, redirect: 'manual', signal: bounds }), done };
  } catch {
    return { response: undefined, done };
  }
}

/** The response is JSON, or an event of a stream that need not end (MCP, Streamable HTTP). */
async function hasResult(response: Response): Promise<boolean> {
  const { body } = response;
  if (body === null) return false;
  const isStream = sendsEvents(response);
  const decoder = new TextDecoder();
  let rest = '';
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > maxBytes) return false;
    const text = decoder.decode(chunk, { stream: true });
    rest += text;
    if (!isStream || !text.includes('\n')) continue;
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    if (lines.some((line) => line.startsWith('data:') && isInitialized(line.slice('data:'.length)))) return true;
  }
  return !isStream && isInitialized(rest);
}

function isInitialized(text: string): boolean {
  try {
    const message = JSON.parse(text) as { result?: { protocolVersion?: unknown } } | null;
    return typeof message?.result?.protocolVersion === 'string';
  } catch {
    return false;
  }
}

/** Servers keep sessions until clients end them. */
async function end(url: string, session: string): Promise<void> {
  const signal = AbortSignal.timeout(timeoutMs);
  const headers = { 'mcp-session-id': session };
  const response = await fetch(url, { method: 'DELETE', headers, redirect: 'manual', signal }).catch(ignore);
  await response?.body?.cancel().catch(ignore);
}

function sendsEvents({ headers }: Response): boolean {
  return isEventStream(headers.get('content-type') ?? '');
}
