// Fake servers for the HTTP APIs of HashiCorp Vault (key-value, version 2) and AWS Secrets Manager,
// written from their documentation, for tests of secret references. Each records its requests.
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';

interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
}

export interface SecretServer {
  readonly url: string;
  readonly asked: readonly Asked[];
}

type ReceivedResponse = (request: IncomingMessage, response: ServerResponse, body: string) => void;

async function serve(
  t: TestContext,
  reply: ReceivedResponse,
  tls?: { key: string; cert: string },
): Promise<SecretServer> {
  const asked: Asked[] = [];
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    const { method = '', url = '', headers } = request;
    asked.push({ method, url, headers });
    void text(request).then((body) => {
      reply(request, response, body);
    });
  };
  const server: Server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { url: tls === undefined ? `http://127.0.0.1:${port}` : `https://localhost:${port}`, asked };
}

function sendJson(response: ServerResponse, status: number, value: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

export interface VaultOptions {
  readonly token: string;
  readonly namespace?: string;
  /**
   * API path (`secret/data/app`) -> fields; null: the version was deleted; a function responds
   * itself.
   */
  readonly secrets: Readonly<Record<string, Readonly<Record<string, unknown>> | null | ReceivedResponse>>;
  readonly tls?: { readonly key: string; readonly cert: string };
}

/** https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2#read-secret-version */
export function startVault(t: TestContext, options: VaultOptions): Promise<SecretServer> {
  return serve(
    t,
    (request, response, body) => {
      const { headers, url = '' } = request;
      if (headers['x-vault-token'] !== options.token) {
        sendJson(response, 403, { errors: ['permission denied'] });
        return;
      }
      const path = decodeURIComponent(url.replace(/^\/v1\//, ''));
      const inNamespace = (headers['x-vault-namespace'] ?? '') === (options.namespace ?? '');
      const secret = inNamespace && Object.hasOwn(options.secrets, path) ? options.secrets[path] : undefined;
      const metadata = { version: 3, created_time: '2026-01-01T00:00:00Z', destroyed: false };
      if (typeof secret === 'function') secret(request, response, body);
      else if (secret === undefined) sendJson(response, 404, { errors: [] });
      else if (secret === null) sendJson(response, 404, { data: { data: null, metadata } });
      else sendJson(response, 200, { request_id: 'x', lease_id: '', data: { data: secret, metadata } });
    },
    options.tls,
  );
}

export interface AwsOptions {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  readonly region: string;
  readonly nowMs: number;
  /** Name or ARN -> SecretString; bytes: SecretBinary; a function responds itself. */
  readonly secrets: Readonly<Record<string, string | Buffer | ReceivedResponse>>;
}

/** https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html */
export function startAwsSecretsManager(t: TestContext, options: AwsOptions): Promise<SecretServer> {
  return serve(t, (request, response, body) => {
    const refuse = (type: string): void => {
      sendJson(response, 400, { __type: type, message: 'no' });
    };
    const fault = signatureFault(request, body, options);
    if (fault !== undefined) {
      refuse(fault);
      return;
    }
    if (request.headers['x-amz-target'] !== 'secretsmanager.GetSecretValue') {
      refuse('UnknownOperationException');
      return;
    }
    const { SecretId: name } = JSON.parse(body) as { SecretId: string };
    const secret = Object.hasOwn(options.secrets, name) ? options.secrets[name] : undefined;
    if (typeof secret === 'function') secret(request, response, body);
    else if (secret === undefined) refuse('com.amazonaws.secretsmanager#ResourceNotFoundException');
    else if (typeof secret === 'string') sendJson(response, 200, { Name: name, SecretString: secret });
    else sendJson(response, 200, { Name: name, SecretBinary: secret.toString('base64') });
  });
}

/**
 * Recomputes the signature from the received request, as the service does ("Authenticating
 * Requests: Using the Authorization Header").
 */
function signatureFault(request: IncomingMessage, body: string, options: AwsOptions): string | undefined {
  const { headers, method = '', url = '' } = request;
  const form = /^AWS4-HMAC-SHA256 Credential=([^/]+)\/([^,]+), SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/;
  const [, keyId, scope = '', signed = '', signature = ''] = form.exec(headers.authorization ?? '') ?? [];
  const date = String(headers['x-amz-date']);
  const [day = '', region = '', service = '', end] = scope.split('/');
  if (keyId !== options.accessKeyId) return 'UnrecognizedClientException';
  if (region !== options.region || service !== 'secretsmanager' || end !== 'aws4_request')
    return 'InvalidSignatureException';
  if (!date.startsWith(day) || Math.abs(timeOf(date) - options.nowMs) > 300_000) return 'InvalidSignatureException';
  if (headers['x-amz-security-token'] !== options.sessionToken) return 'UnrecognizedClientException';
  const names = signed.split(';');
  const mustBeSigned = ['host', ...Object.keys(headers).filter((name) => name.startsWith('x-amz-'))];
  if (mustBeSigned.some((name) => !names.includes(name))) return 'InvalidSignatureException';

  const lines = names.map((name) => `${name}:${String(headers[name])}\n`).join('');
  const digest = (input: string): string => createHash('sha256').update(input).digest('hex');
  const canonical = `${method}\n${url}\n\n${lines}\n${signed}\n${digest(body)}`;
  let key: string | Buffer = `AWS4${options.secretAccessKey}`;
  for (const part of [day, region, service, 'aws4_request']) key = createHmac('sha256', key).update(part).digest();
  const expected = createHmac('sha256', key)
    .update(`AWS4-HMAC-SHA256\n${date}\n${scope}\n${digest(canonical)}`)
    .digest();
  return timingSafeEqual(expected, Buffer.from(signature, 'hex')) ? undefined : 'InvalidSignatureException';
}

function timeOf(amzDate: string): number {
  return Date.parse(amzDate.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));
}
