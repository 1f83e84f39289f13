// Owns reading a secret from HashiCorp Vault's key-value store, version 2, as its HTTP API has it. Finds its server and token
// where Vault's own tools do: VAULT_ADDR, VAULT_TOKEN or VAULT_TOKEN_FILE, VAULT_NAMESPACE, VAULT_CACERT.
import type { Variables } from '../environment-layer.ts';
import { fetchJson, isObject } from './fetch-json.ts';
import { SecretError } from './reference.ts';
import { readSecretFile } from './secret-file.ts';

export type Fields = Readonly<Record<string, unknown>>;

/** The fields of the secret at `path`: `secret/app`, or as the API writes it, `secret/data/app`. Throws SecretError. */
export async function readVault(path: string, env: Variables, signal: AbortSignal): Promise<Fields> {
  const address = env['VAULT_ADDR'];
  if (address === undefined || address === '') throw new SecretError("can't be had from Vault: VAULT_ADDR is not set");
  const base = URL.parse(address);
  if (base === null || (base.protocol !== 'http:' && base.protocol !== 'https:')) {
    throw new SecretError("can't be had from Vault: VAULT_ADDR is no http:// or https:// URL");
  }
  const url = new URL(`${base.pathname.replace(/\/$/, '')}/v1/${apiPath(path)}`, base);
  const namespace = env['VAULT_NAMESPACE'] ?? '';
  const caFile = env['VAULT_CACERT'] ?? '';
  const { status, body } = await fetchJson('Vault', {
    url: url.href,
    method: 'GET',
    headers: {
      'x-vault-token': await tokenFrom(env),
      'x-vault-request': 'true',
      ...(namespace !== '' && { 'x-vault-namespace': namespace }),
    },
    ...(caFile !== '' && { ca: await readSecretFile(caFile, 'public') }),
    signal,
  });
  if (status !== 200) throw new SecretError(`can't be had from Vault: ${statusWords(status)}`);
  // A deleted version has metadata and no data.
  const data = isObject(body?.['data']) ? body['data']['data'] : undefined;
  if (!isObject(data)) {
    throw new SecretError("can't be had from Vault: there is no current version of a key-value (version 2) secret");
  }
  return data;
}

async function tokenFrom(env: Variables): Promise<string> {
  const token = env['VAULT_TOKEN'] ?? '';
  if (token !== '') return headerText(token);
  const file = env['VAULT_TOKEN_FILE'] ?? '';
  if (file !== '') return headerText(await readSecretFile(file, 'other'));
  throw new SecretError("can't be had from Vault: neither VAULT_TOKEN nor VAULT_TOKEN_FILE is set");
}

function headerText(token: string): string {
  if (!/^[!-~]+$/.test(token))
    throw new SecretError("can't be had from Vault: its token has characters that no token has");
  return token;
}

/** KV version 2 keeps values below `<mount>/data/`, which the command line leaves out and the API does not. */
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
