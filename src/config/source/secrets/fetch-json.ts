// One bounded HTTP exchange with a secret manager: JSON both ways, with a timeout, without
// redirects. The response is a secret, so errors contain only the status and the manager's own
// error code.
import { Agent, fetch } from 'undici';
import { SecretError, unavailable, unavailableNow } from './secret-error.ts';

/** Secret managers respond in milliseconds; a start must not hang on one. */
const timeoutMs = 5_000;
/** AWS Secrets Manager stores at most 64 KiB, Vault 1 MiB. */
const maxResponseBytes = 1024 * 1024;

export interface JsonRequest {
  readonly url: string;
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** PEM. Replaces the system's certificate authorities. */
  readonly ca?: string;
  readonly signal: AbortSignal;
}

export interface JsonResponse {
  readonly status: number;
  /** Undefined: the body is not a JSON object. */
  readonly body: Readonly<Record<string, unknown>> | undefined;
}

/** `who`: the secret manager, for the message of SecretError. */
export async function fetchJson(who: string, request: JsonRequest): Promise<JsonResponse> {
  const { url, method, headers, body, ca, signal } = request;
  // A single exchange: a pool would keep the connection, and the process, alive.
  const dispatcher = new Agent({ pipelining: 0, connect: { timeout: timeoutMs, ...(ca !== undefined && { ca }) } });
  try {
    const response = await fetch(url, {
      method,
      headers,
      dispatcher,
      // Never send the token to another server.
      redirect: 'error',
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      ...(body !== undefined && { body }),
    });
    const text = await boundedText(response.body);
    return { status: response.status, body: asObject(text) };
  } catch (error) {
    if (error instanceof SecretError) throw unavailable(who, error.message);
    const reason = reasonOf(error);
    throw noResponse.has(reason) ? unavailableNow(who, reason) : unavailable(who, reason);
  } finally {
    await dispatcher.destroy();
  }
}

async function boundedText(body: AsyncIterable<Uint8Array> | null): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > maxResponseBytes) throw new SecretError('its response is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Undefined: not a JSON object. */
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

const timedOut = 'it did not respond in time';
/** Failures of the network or of the server, as opposed to those of certificates and settings. */
const noResponse: ReadonlySet<string> = new Set([
  timedOut,
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_SOCKET',
  'UND_ERR_CONNECT_TIMEOUT',
]);

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'it failed';
  if (error.name === 'TimeoutError') return timedOut;
  if (error.name === 'AbortError') return 'it was cancelled';
  const { cause } = error;
  if (!(cause instanceof Error)) return 'the request could not be sent';
  return 'code' in cause && typeof cause.code === 'string' ? cause.code : cause.message;
}
