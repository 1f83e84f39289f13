// Reads a secret from AWS Secrets Manager with GetSecretValue. Takes region and credentials from
// the same environment variables as AWS's tools. Does not support roles of machines and pods.
import type { Variables } from '../environment-layer.ts';
import { asObject, fetchJson } from './fetch-json.ts';
import { isTemporaryStatus, type SecretError, unavailable, unavailableNow } from './secret-error.ts';
import { fetchOnce, type Fields, fieldText, type SecretSource } from './secret-source.ts';
import { sign, type SigningKey } from './sigv4.ts';

export const awsSecretsManagerSource: SecretSource = {
  placeholder: 'NAME',
  field: 'optional',
  description:
    'a field of a JSON secret in AWS Secrets Manager; without `#FIELD`, the whole text. Uses `AWS_REGION`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, `AWS_ENDPOINT_URL`',
  open: ({ env, signal, now }) => {
    const text = fetchOnce((name) => readAwsSecret(name, env, signal, now()));
    return async ({ path, field }) => (field === undefined ? text(path) : fieldText(fieldsOf(await text(path)), field));
  },
};

const service = 'secretsmanager';
const manager = 'AWS Secrets Manager';

/** The text of the secret. Throws SecretError. */
async function readAwsSecret(name: string, env: Variables, signal: AbortSignal, now: Date): Promise<string> {
  const region = set(env, 'AWS_REGION') ?? set(env, 'AWS_DEFAULT_REGION');
  if (region === undefined) throw fault('AWS_REGION is not set');
  if (!/^[a-z0-9-]{1,64}$/.test(region)) throw fault('AWS_REGION is not a valid region');
  const endpoint = endpointFrom(env, region);
  const key = keyFrom(env);
  const body = JSON.stringify({ SecretId: name });
  const headers = sign(
    {
      method: 'POST',
      path: endpoint.pathname,
      headers: {
        host: endpoint.host,
        'content-type': 'application/x-amz-json-1.1',
        'x-amz-target': 'secretsmanager.GetSecretValue',
      },
      body,
    },
    key,
    { region, service, at: now },
  );
  // fetch sends the same header itself.
  delete headers['host'];
  const response = await fetchJson(manager, { url: endpoint.href, method: 'POST', headers, body, signal });
  if (response.status !== 200) {
    const code = errorCode(response.body?.['__type']);
    const words = errorWords(response.status, code);
    throw isTemporaryStatus(response.status) || code === 'ThrottlingException'
      ? unavailableNow(manager, words)
      : fault(words);
  }
  const text = response.body?.['SecretString'];
  if (typeof text === 'string') return text;
  const isBinary = response.body?.['SecretBinary'] !== undefined;
  throw fault(isBinary ? 'the secret is binary, but must be text' : 'its response contains no secret');
}

/** The fields of a secret that is a JSON object. Throws SecretError. */
function fieldsOf(text: string): Fields {
  const fields = asObject(text);
  if (fields === undefined) throw fault('the secret is not a JSON object, so it has no fields: leave #FIELD out');
  return fields;
}

function keyFrom(env: Variables): SigningKey {
  const accessKeyId = set(env, 'AWS_ACCESS_KEY_ID');
  const secretAccessKey = set(env, 'AWS_SECRET_ACCESS_KEY');
  const sessionToken = set(env, 'AWS_SESSION_TOKEN');
  if (accessKeyId === undefined || secretAccessKey === undefined) {
    throw fault('AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY must both be set');
  }
  if (![accessKeyId, secretAccessKey, sessionToken ?? 'x'].every((text) => /^[!-~]+$/.test(text))) {
    throw fault('the AWS credentials contain invalid characters');
  }
  return { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) };
}

function endpointFrom(env: Variables, region: string): URL {
  const custom = set(env, 'AWS_ENDPOINT_URL_SECRETS_MANAGER') ?? set(env, 'AWS_ENDPOINT_URL');
  const domain = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
  const url = URL.parse(custom ?? `https://${service}.${region}.${domain}/`);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:') || url.search !== '') {
    throw fault('AWS_ENDPOINT_URL is not an http:// or https:// URL without a query');
  }
  return url;
}

function set(env: Variables, name: string): string | undefined {
  return env[name] === '' ? undefined : env[name];
}

/**
 * `__type` is AWS's error code, such as `ResourceNotFoundException`, sometimes with a namespace
 * prefix.
 */
function errorCode(type: unknown): string {
  return typeof type === 'string' ? (/[A-Za-z]{1,64}$/.exec(type)?.[0] ?? '') : '';
}

function errorWords(status: number, code: string): string {
  if (code === 'ResourceNotFoundException') return 'there is no such secret';
  if (code === 'AccessDeniedException') return 'these credentials may not read it';
  return `it responded with ${status}${code === '' ? '' : ` ${code}`}`;
}

function fault(what: string): SecretError {
  return unavailable(manager, what);
}
