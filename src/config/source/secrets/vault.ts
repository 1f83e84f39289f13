// Reads a secret from HashiCorp Vault's key-value store, version 2, over its HTTP API. Takes server
// and token from the same environment variables as Vault's tools: VAULT_ADDR, VAULT_TOKEN or
// VAULT_TOKEN_FILE, VAULT_NAMESPACE, VAULT_CACERT.
import type { Variables } from '../environment-layer.ts';
import { fetchJson, isObject } from './fetch-json.ts';
import { isTemporaryStatus, SecretError, unavailable, unavailableNow } from './secret-error.ts';
import { type Privacy, readSecretFile } from './secret-file.ts';
import { fetchOnce, type Fields, fieldText, type SecretSource } from './secret-source.ts';

export const vaultSource: SecretSource = {
  placeholder: 'PATH',
  field: 'required',
  description:
    'a field of a secret in HashiCorp Vault (key-value version 2), as `vault:secret/gateway#key`; if the mount path has several segments, use the API path: `vault:team/kv/data/gateway#key`. Uses `VAULT_ADDR`, `VAULT_TOKEN` or `VAULT_TOKEN_FILE`, `VAULT_NAMESPACE`, `VAULT_CACERT`',
  open: ({ env, signal }) => {
    const fields = fetchOnce((path) => readVault(path, env, signal));
    return async ({ path, field = '' }) => fieldText(await fields(path), field);
  },
};

const vault = 'Vault';

/**
 * The fields of the secret at `path`: `secret/app`, or `secret/data/app` as the API writes it.
 * Throws SecretError.
 */
async function readVault(path: string, env: Variables, signal: AbortSignal): Promise<Fields> {
  const address = env['VAULT_ADDR'];
  if (address === undefined || address === '') throw unavailable(vault, 'VAULT_ADDR is not set');
  const base = URL.parse(address);
  if (base === null || (base.protocol !== 'http:' && base.protocol !== 'https:')) {
    throw unavailable(vault, 'VAULT_ADDR is not an http:// or https:// URL');
  }
  const url = new URL(`${base.pathname.replace(/\/$/, '')}/v1/${apiPath(path)}`, base);
  const namespace = env['VAULT_NAMESPACE'] ?? '';
  const ca = await fileOf('VAULT_CACERT', env, 'public');
  const { status, body } = await fetchJson(vault, {
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
  if (isTemporaryStatus(status)) throw unavailableNow(vault, statusWords(status));
  if (status !== 200) throw unavailable(vault, statusWords(status));
  if (body === undefined) throw unavailable(vault, 'its response is not a JSON object');
  const data = isObject(body['data']) ? body['data']['data'] : undefined;
  if (isObject(data)) return data;
  throw unavailable(vault, 'its response contains no key-value (version 2) secret');
}

async function tokenFrom(env: Variables): Promise<string> {
  const token = env['VAULT_TOKEN'] ?? '';
  if (token !== '') return headerText(token);
  const kept = await fileOf('VAULT_TOKEN_FILE', env, 'other');
  if (kept !== undefined) return headerText(kept);
  throw unavailable(vault, 'neither VAULT_TOKEN nor VAULT_TOKEN_FILE is set');
}

/** The content of the file that the variable names; undefined if it is unset. */
async function fileOf(name: string, env: Variables, privacy: Privacy): Promise<string | undefined> {
  const path = env[name] ?? '';
  if (path === '') return undefined;
  try {
    return await readSecretFile(path, privacy);
  } catch (error) {
    if (!(error instanceof SecretError)) throw error;
    throw unavailable(vault, `${name} ${error.message}`);
  }
}

function headerText(token: string): string {
  if (!/^[!-~]+$/.test(token)) throw unavailable(vault, 'the token contains invalid characters');
  return token;
}

/** The KV v2 API reads values below `<mount>/data/`, which the Vault CLI omits from paths. */
function apiPath(path: string): string {
  const steps = path.split('/').filter((step) => step !== '');
  if (steps.length < 2 || steps.some((step) => step === '.' || step === '..')) {
    throw new SecretError('does not name a Vault secret: write it as vault:MOUNT/PATH#FIELD');
  }
  if (!steps.slice(1, -1).includes('data')) steps.splice(1, 0, 'data');
  return steps.map(encodeURIComponent).join('/');
}

function statusWords(status: number): string {
  if (status === 403) return 'its token may not read this path (403)';
  if (status === 404) return 'there is no such secret (404)';
  if (status === 503) return 'it is sealed or in maintenance (503)';
  return `it responded with ${status}`;
}
