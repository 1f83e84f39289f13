// One bounded HTTP exchange with a secret manager: JSON both ways, with a timeout, without
// redirects. The response is a secret, so errors contain only the status and the manager's own
// error code.
import { codeOf } from '../../../kernel/reason.ts';
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
  // Loaded here, because few configurations need it and it takes 6 MiB.
  const { Agent, fetch } = await import('undici');
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
    const { reason, mayPass } = failureOf(error);
    throw (mayPass ? unavailableNow : unavailable)(who, reason);
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

/** Failures of the network or of the server, as opposed to those of certificates and settings. */
const noResponse: ReadonlySet<string> = new Set([
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

interface Failure {
  readonly reason: string;
  /** Trying again later can help. */
  readonly mayPass: boolean;
}

function failureOf(error: unknown): Failure {
  if (!(error instanceof Error)) return { reason: 'it failed', mayPass: false };
  if (error.name === 'TimeoutError') return { reason: 'it did not respond in time', mayPass: true };
  if (error.name === 'AbortError') return { reason: 'it was cancelled', mayPass: false };
  const { cause } = error;
  if (!(cause instanceof Error)) return { reason: 'the request could not be sent', mayPass: false };
  const code = codeOf(cause);
  return { reason: code ?? cause.message, mayPass: code !== undefined && noResponse.has(code) };
}
