// Every failure that may pass ends the command with exit code 75, and docs/cli.md lists the command
// in the row of that failure. A new kind of temporary fault needs rows here, or this file does not
// compile.
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { before, describe, test, type TestContext } from 'node:test';
import { claimIdentity } from '../../src/expose/identity-lock.ts';
import type { TemporaryFault } from '../../src/kernel/errors/temporary-fault.ts';
import { recordOfThisProcess } from '../../src/kernel/files/process-record.ts';
import { loadOrCreateIdentity } from '../../src/portal/identity-file.ts';
import { startCli, temporaryDirectory } from '../helpers/cli.ts';
import { freePort } from '../helpers/free-port.ts';
import { listen, withPorts } from '../helpers/local-ports.ts';

interface Kind {
  /** Of its row in docs/cli.md. */
  readonly row: RegExp;
  readonly commands: readonly (readonly string[])[];
  readonly files?: Readonly<Record<string, string>>;
  readonly prepare?: (t: TestContext, directory: string) => Promise<void>;
  readonly environment?: Readonly<Record<string, string>>;
}

const withVault = 'auth: { keys: [{ id: bot, key: "vault:secret/gateway#key" }] }\n';
const relay = ['--relay', 'ws://127.0.0.1:FREE/relay'];

const kinds: Readonly<Record<TemporaryFault, Kind>> = {
  port_in_use: {
    row: /port is in use/,
    commands: [
      ['start', '--port', 'TAKEN'],
      ['dev', '--port', 'TAKEN'],
      ['relay', '--port', 'TAKEN'],
    ],
  },
  relay_unavailable: {
    row: /relay cannot be reached/,
    commands: [
      ['leases', ...relay],
      ['leases', 'accept', 'my-app', ...relay],
      ['validate', '--check-relays', '-c', 'relay.yaml'],
    ],
    files: { 'relay.yaml': 'portal: { relay_url: ws://127.0.0.1:FREE/relay }\n' },
  },
  gateway_unavailable: {
    row: /gateway is not ready/,
    commands: [
      ['health', '--url', 'http://127.0.0.1:FREE'],
      ['health', '--url', 'http://127.0.0.1:TAKEN'],
    ],
  },
  secret_manager_unavailable: {
    row: /secret manager/,
    commands: [
      ['start', '-c', 'vault.yaml', '--port', '0'],
      ['validate', '-c', 'vault.yaml'],
      ['config', 'print', '-c', 'vault.yaml'],
      ['explain', '-c', 'vault.yaml', '--lease', 'my-app'],
      ['keys', 'list', '-c', 'vault.yaml'],
    ],
    files: { 'vault.yaml': withVault },
    environment: { VAULT_ADDR: 'http://127.0.0.1:FREE', VAULT_TOKEN: 'token' },
  },
  keys_file_locked: {
    row: /changing the keys file/,
    commands: [
      ['keys', 'create', 'new', '--cost', '10', '--out', 'new.key', '--file', 'keys.yaml'],
      ['keys', 'rotate', 'bot', '--cost', '10', '--out', 'new.key', '--file', 'keys.yaml'],
      ['keys', 'revoke', 'bot', '--file', 'keys.yaml'],
      ['init', '--yes', '--key-file', 'new.key'],
    ],
    prepare: async (_, directory) => {
      await writeFile(join(directory, 'keys.yaml'), 'version: 1\nkeys: []\n', { mode: 0o600 });
      await writeFile(join(directory, 'keys.yaml.lock'), JSON.stringify(recordOfThisProcess()));
    },
  },
  identity_in_use: {
    row: /publishes with the identity/,
    commands: [['expose', '3000', '--name', 'my-app', '--identity', 'app.pem', ...relay]],
    prepare: async (t, directory) => {
      const file = join(directory, 'app.pem');
      await loadOrCreateIdentity(file);
      const claim = await claimIdentity(file);
      assert.ok(claim.kind === 'locked');
      t.after(() => claim.lock.release());
    },
  },
};

const ports = { TAKEN: 0, FREE: 0 };
before(async () => {
  // As a gateway that has no relay yet.
  ports.TAKEN = await listen(
    createServer((_request, response) => response.writeHead(503).end('{"status":"not_ready"}')),
  );
  ports.FREE = await freePort();
});

async function run(
  t: TestContext,
  args: readonly string[],
  kind: Kind,
): Promise<{ code: number | null; text: string }> {
  const directory = await temporaryDirectory(t);
  for (const [file, text] of Object.entries(kind.files ?? {}))
    await writeFile(join(directory, file), withPorts(text, ports));
  await kind.prepare?.(t, directory);
  const given = Object.entries(kind.environment ?? {}).map(([name, value]) => [name, withPorts(value, ports)]);
  const environment = { XDG_STATE_HOME: directory, ...(Object.fromEntries(given) as Record<string, string>) };
  const cli = startCli(
    t,
    args.map((arg) => withPorts(arg, ports)),
    environment,
    '',
    { cwd: directory },
  );
  return { code: await cli.exited, text: cli.stderr() };
}

/** `keys create`, without its arguments. */
function nameOf([command = '', inner = '']: readonly string[]): string {
  return ['keys create', 'keys rotate', 'keys revoke', 'keys list', 'leases accept', 'config print'].includes(
    `${command} ${inner}`,
  )
    ? `${command} ${inner}`
    : command;
}

const table = readFile(join(import.meta.dirname, '../../docs/cli.md'), 'utf8').then((text) => {
  const [, rest = ''] = text.split('These failures exit with 75');
  return rest.split('\n').filter((line) => line.startsWith('| '));
});

for (const [name, kind] of Object.entries(kinds)) {
  // A locked keys file is waited for, which costs no CPU.
  describe(name, { concurrency: name === 'keys_file_locked' ? true : 2 }, () => {
    for (const args of kind.commands) {
      test(`${args.join(' ')}: exit 75`, async (t) => {
        const { code, text } = await run(t, args, kind);
        assert.equal(code, 75, text);
        assert.match(text, /^portal-gateway: .+\n$/m);
        const row = (await table).find((line) => kind.row.test(line)) ?? '';
        assert.ok(row.includes(`\`${nameOf(args)}`), `docs/cli.md does not list ${nameOf(args)}: ${row}`);
      });
    }
  });
}

test('a failure that needs a change as well exits with 1', async (t) => {
  const files = {
    'vault.yaml': `${withVault}gateway: { prot: 80 }\nportal: { relay_url: ws://127.0.0.1:FREE/relay }\n`,
  };
  const { environment = {} } = kinds.secret_manager_unavailable;
  const args = ['validate', '--check-relays', '-c', 'vault.yaml'];
  const { code, text } = await run(t, args, { ...kinds.secret_manager_unavailable, files, environment });
  assert.equal(code, 1, text);
  assert.match(text, /has 3 errors/);
});
