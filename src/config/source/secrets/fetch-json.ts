// Owns one bounded HTTP exchange with a secret manager: JSON in, JSON out, in time, nowhere else. What it answers is a secret: of
// a failure only the status and the manager's own error code are told.
import { Agent, fetch } from 'undici';
import { SecretError } from './reference.ts';

/** Secret managers answer in milliseconds; a start must not hang on one. */
const timeoutMs = 5_000;
/** AWS Secrets Manager keeps 64 KiB at most, Vault 1 MiB. */
const maxResponseBytes = 1024 * 1024;

export interface JsonRequest {
  readonly url: string;
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** PEM, in place of the system's authorities. */
  readonly ca?: string;
  readonly signal: AbortSignal;
}

export interface JsonResponse {
  readonly status: number;
  /** Undefined: no JSON object. */
  readonly body: Readonly<Record<string, unknown>> | undefined;
}

/** Throws SecretError that begins with "can't be had from <who>". */
export async function fetchJson(who: string, request: JsonRequest): Promise<JsonResponse> {
  const { url, method, headers, body, ca, signal } = request;
  // One exchange: a pool would only keep a connection, and the process, waiting.
  const dispatcher = new Agent({ pipelining: 0, connect: { timeout: timeoutMs, ...(ca !== undefined && { ca }) } });
  try {
    const response = await fetch(url, {
      method,
      headers,
      dispatcher,
      // A token goes to whom it was meant for.
      redirect: 'error',
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      ...(body !== undefined && { body }),
    });
    const text = await boundedText(response.body);
    return { status: response.status, body: asObject(text) };
  } catch (error) {
    if (error instanceof SecretError) throw new SecretError(`can't be had from ${who}: ${error.message}`);
    throw new SecretError(`can't be had from ${who}: ${reasonOf(error)}`);
  } finally {
    await dispatcher.destroy();
  }
}

async function boundedText(body: AsyncIterable<Uint8Array> | null): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > maxResponseBytes) throw new SecretError('its answer is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Undefined: no JSON object. */
export function asObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'it failed';
  if (error.name === 'TimeoutError') return 'no answer came in time';
  if (error.name === 'AbortError') return 'it was cancelled';
  const { cause } = error;
  if (!(cause instanceof Error)) return 'the request could not be sent';
  return 'code' in cause && typeof cause.code === 'string' ? cause.code : cause.message;
}
