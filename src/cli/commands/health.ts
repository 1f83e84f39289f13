// Implements `health`: asks a running gateway whether it is ready, for container checks without
// curl.
import { Command } from 'commander';
import { printable, printableJson } from '../../kernel/printable.ts';
import { CliFault, temporaryFault, usageFault } from '../fault.ts';
import type { CliContext } from '../context.ts';

/** Shorter than the usual timeout of container checks, so that our message is printed. */
const timeoutMs = 3_000;
const maxBodyBytes = 64 * 1024;

interface HealthOptions {
  readonly url?: string;
  readonly json?: boolean;
}

export function healthCommand(context: CliContext): Command {
  return new Command('health')
    .description('Check whether the gateway is ready; the exit code is 0 if it is.')
    .option(
      '--url <URL>',
      'the URL of the gateway or of its health endpoint (default: /health/ready on GATEWAY_HOST and GATEWAY_PORT)',
    )
    .option('--json', 'print as JSON')
    .addHelpText('after', '\nExample:\n  $ portal-gateway health --url http://127.0.0.1:8080')
    .action((options: HealthOptions) => health(options, context));
}

async function health(options: HealthOptions, { terminal, signal, environment }: CliContext): Promise<void> {
  const url = options.url === undefined ? localUrl(environment()) : healthUrl(options.url);
  const { status, body } = await ask(url, signal);
  const reason = typeof body?.['reason'] === 'string' ? `: ${printable(body['reason'])}` : '';
  const isGateway = typeof body?.['status'] === 'string' && healthStates.has(body['status']);
  const ready = status === 200 && isGateway;
  if (options.json === true) terminal.result(printableJson({ url, ready, status, body }));
  else if (ready) terminal.result('ready');
  if (ready) return;
  if (isGateway) {
    const line = `the gateway at ${url} is not ready (HTTP ${status}${reason}); try again shortly`;
    throw temporaryFault(line, 'gateway_unavailable');
  }
  // The status with which a TLS port responds to plain HTTP.
  const hint = status === 400 && url.startsWith('http:') ? hintOfTls : '';
  throw new CliFault(
    `the server at ${url} is not a gateway, or this is not its health endpoint (HTTP ${status}); correct --url${hint}`,
  );
}

/** The values of `status` in the responses of /health, /health/live and /health/ready. */
const healthStates: ReadonlySet<string> = new Set(['healthy', 'unhealthy', 'live', 'ready', 'not_ready']);

async function ask(
  url: string,
  signal: AbortSignal,
): Promise<{ status: number; body: Record<string, unknown> | undefined }> {
  try {
    const response = await fetch(url, {
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      redirect: 'manual',
      headers: { accept: 'application/json' },
    });
    return { status: response.status, body: asObject(await startOf(response)) };
  } catch (error) {
    // Ctrl-C, reported by the caller.
    if (signal.aborted) throw error;
    throw failure(url, reasonOf(error));
  }
}

async function startOf(response: Response): Promise<string> {
  let text = '';
  if (response.body === null) return text;
  const decoder = new TextDecoder();
  for await (const chunk of response.body) {
    text += decoder.decode(chunk as Uint8Array, { stream: true });
    if (text.length > maxBodyBytes) break;
  }
  return text;
}

function asObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function healthUrl(text: string): string {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw usageFault(`--url ${printable(text)} is not an http(s):// URL; write it as http://HOST:PORT`);
  }
  if (url.pathname === '/') url.pathname = '/health/ready';
  return url.href;
}

/** Uses the loopback address for a gateway that listens on all addresses. */
function localUrl({ host, port }: { readonly host: string; readonly port: number }): string {
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}/health/ready`;
}

const noHttp = 'it does not speak HTTP';
const hintOfTls = '; if the gateway uses TLS, write https:// in --url';

function failure(url: string, reason: string): CliFault {
  // Error codes of OpenSSL and Node for rejected certificates, such as DEPTH_ZERO_SELF_SIGNED_CERT.
  if (/CERT|ISSUER/.test(reason)) {
    return new CliFault(
      `the certificate of ${url} is not trusted (${reason}); set NODE_EXTRA_CA_CERTS to a file with its CA, or use admin.port`,
    );
  }
  if (url.startsWith('http:') && (reason === 'UND_ERR_SOCKET' || reason === 'ECONNRESET')) {
    return new CliFault(`the connection to ${url} ended without a response (${reason})${hintOfTls}`);
  }
  // OpenSSL's codes for bytes that are not TLS: a server of plain HTTP.
  if (/^ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG)$/.test(reason)) {
    return new CliFault(`the server at ${url} does not use TLS (${reason}); write http:// in --url`);
  }
  // The ports that WHATWG Fetch forbids, such as 25 for SMTP.
  if (reason === 'bad port') return new CliFault(`${url} has a port of another protocol; correct --url`);
  if (reason === noHttp) return new CliFault(`the server at ${url} is not a gateway: ${noHttp}; correct --url`);
  return temporaryFault(
    `no gateway responds at ${url} (${reason}); start one with "portal-gateway start", or correct --url`,
    'gateway_unavailable',
  );
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return `no response within ${timeoutMs / 1000} s`;
  const { cause } = error;
  if (cause instanceof Error && cause.name === 'HTTPParserError') return noHttp;
  if (cause instanceof Error) return 'code' in cause && typeof cause.code === 'string' ? cause.code : cause.message;
  return error.message;
}
