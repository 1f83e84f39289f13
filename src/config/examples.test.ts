// Every file in examples/ loads without faults, in an environment that has the variables, files and
// secret managers that it names.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { copyFileSync, readdirSync, readFileSync } from 'node:fs';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { faultLines, warningLines } from '../../test/helpers/config.ts';
import { startAwsSecretsManager, startVault } from '../../test/helpers/secret-managers.ts';
import { tempDirectory } from '../../test/helpers/temp-directory.ts';
import { defaultConfig } from './schema/defaults.ts';
import { loadConfig } from './load/load.ts';

const repository = join(import.meta.dirname, '../..');
const examples = join(repository, 'examples');
const tls = join(repository, 'test/helpers/tls');
const pem = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' });

/** Tests cannot create the absolute paths of the examples, so they use relative ones. */
function relocated(text: string): string {
  return text.replaceAll('file:/run/secrets/', 'file:secrets/');
}

describe('examples', () => {
  for (const name of readdirSync(examples)) {
    test(name, async (t) => {
      const directory = await tempDirectory(t);
      const put = async (path: string, text: string): Promise<void> => {
        await mkdir(dirname(join(directory, path)), { recursive: true });
        await writeFile(join(directory, path), text, { mode: 0o600 });
      };
      await put(name, relocated(readFileSync(join(examples, name), 'utf8')));
      await put('secrets/gateway-identity.pem', pem);
      await mkdir(join(directory, 'certs'));
      for (const certificate of ['gateway', 'peers']) {
        copyFileSync(join(tls, 'cert.pem'), join(directory, `certs/${certificate}.crt`));
        copyFileSync(join(tls, 'key.pem'), join(directory, `certs/${certificate}.key`));
        await chmod(join(directory, `certs/${certificate}.key`), 0o600);
      }
      const aws = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'example', region: 'eu-central-1', nowMs: Date.now() };
      const vault = await startVault(t, {
        token: 'token',
        secrets: { 'secret/data/gateway': { billing_bot_key: 'key-from-vault' } },
      });
      const secretsManager = await startAwsSecretsManager(t, {
        ...aws,
        secrets: { 'gateway/keys': '{"reports":"key-from-aws"}' },
      });
      const result = await loadConfig({
        file: name,
        workingDirectory: directory,
        env: {
          BILLING_BOT_KEY: 'key-from-environment',
          BACKEND_TOKEN: 'token-from-environment',
          VAULT_ADDR: vault.url,
          VAULT_TOKEN: 'token',
          AWS_ENDPOINT_URL: secretsManager.url,
          AWS_REGION: aws.region,
          AWS_ACCESS_KEY_ID: aws.accessKeyId,
          AWS_SECRET_ACCESS_KEY: aws.secretAccessKey,
        },
      });
      assert.deepEqual(faultLines(result), []);
      if (name !== 'all-settings.yaml') assert.deepEqual(warningLines(result), []);
      else assert.deepEqual(result.ok ? result.config : undefined, defaultConfig());
    });
  }
});
