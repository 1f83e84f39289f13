// Reads a secret from HashiCorp Vault's key-value store, version 2, over its HTTP API. Takes server
// and token from the same environment variables as Vault's tools: VAULT_ADDR, VAULT_TOKEN or
// VAULT_TOKEN_FILE, VAULT_NAMESPACE, VAULT_CACERT.
import type { Variables } from '../environment-layer.ts';
import { fetchJson, isObject } from './fetch-json.ts';
import { SecretError } from './reference.ts';
import { type Privacy, readSecretFile } from './secret-file.ts';

export type Fields = Readonly<Record<string, unknown>>;

/**
 * The fields of the secret at `path`: `secret/app`, or `secret/data/app` as the API writes it.
 * Throws SecretError.
 */
export async function readVault(path: string, env: Variables, signal: AbortSignal): Promise<Fields> {
  const address = env['VAULT_ADDR'];
  if (address === undefined || address === '') throw new SecretError("can't be had from Vault: VAULT_ADDR is not set");
  const base = URL.parse(address);
  if (base === null || (base.protocol !== 'http:' && base.protocol !== 'https:')) {
    throw new SecretError("can't be had from Vault: VAULT_ADDR is no http:// or https:// URL");
  }
  const url = new URL(`${base.pathname.replace(/\/$/, '')}/v1/${apiPath(path)}`, base);
  const namespace = env['VAULT_NAMESPACE'] ?? '';
  const ca = await fileOf('VAULT_CACERT', env, 'public');
  const { status, body } = await fetchJson('Vault', {
    url: url.href,
    method: 'GET',
    headers: {
      'x-vault-token': await tokenFrom(env),
      'x-vault-request': 'true',
      ...(namespace !== '' && { 'x-vault-namespace': namespace }),
    },
    ...(ca !== undefined && { ca }),
    signal,
  });
  if (status !== 200) throw new SecretError(`can't be had from Vault: ${statusWords(status)}`);
  if (body === undefined) throw new SecretError("can't be had from Vault: its answer is no JSON object");
  const data = isObject(body['data']) ? body['data']['data'] : undefined;
  if (isObject(data)) return data;
  throw new SecretError("can't be had from Vault: its answer holds no key-value (version 2) secret");
}

async function tokenFrom(env: Variables): Promise<string> {
  const token = env['VAULT_TOKEN'] ?? '';
  if (token !== '') return headerText(token);
  const kept = await fileOf('VAULT_TOKEN_FILE', env, 'other');
  if (kept !== undefined) return headerText(kept);
  throw new SecretError("can't be had from Vault: neither VAULT_TOKEN nor VAULT_TOKEN_FILE is set");
}

/** The content of the file that the variable names; undefined if it is unset. */
async function fileOf(name: string, env: Variables, privacy: Privacy): Promise<string | undefined> {
  const path = env[name] ?? '';
  if (path === '') return undefined;
  try {
    return await readSecretFile(path, privacy);
  } catch (error) {
    if (!(error instanceof SecretError)) throw error;
    throw new SecretError(`can't be had from Vault: ${name} ${error.message}`);
  }
}

function headerText(token: string): string {
  if (!/^[!-~]+$/.test(token))
    throw new SecretError("can't be had from Vault: its token has characters that no token has");
  return token;
}

/** The KV v2 API reads values below `<mount>/data/`, which the Vault CLI omits from paths. */
function apiPath(path: string): string {
  const steps = path.split('/').filter((step) => step !== '');
  if (steps.length < 2 || steps.some((step) => step === '.' || step === '..')) {
    throw new SecretError('names no secret of Vault: write it as vault:MOUNT/PATH#FIELD');
  }
  if (!steps.slice(1, -1).includes('data')) steps.splice(1, 0, 'data');
  return steps.map(encodeURIComponent).join('/');
}

function statusWords(status: number): string {
  if (status === 403) return 'its token may not read this path (403)';
  if (status === 404) return 'there is no such secret (404)';
  if (status === 503) return 'it is sealed or in maintenance (503)';
  return `it answered ${status}`;
}
