// `explain` as users run it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configPlace } from '../helpers/config-place.ts';
import { mark } from '../secrecy/marks.ts';

const keys = { KEY: `${mark}-key` };

test('explain prints the deciding rule and the code that the caller would get', async (t) => {
  const yaml = 'auth: { keys: [{ id: bot, key: "${KEY}", scopes: [read] }] }\nlease_acl: { "my-*": [bot] }\n';
  const { file, run } = await configPlace(t, `${yaml}leases: { "my-*": { strip_prefix: false } }\n`, keys);
  const explain = (...args: string[]): ReturnType<typeof run> => run(['explain', '--config', file, ...args]);
  const allowed = await explain('--key', 'bot', '--lease', 'my-app');
  assert.equal(allowed.code, 0);
  assert.match(allowed.stdout, /"my-\*" \[bot\]; they allow bot\n/);
  assert.match(allowed.stdout, /the name "my-app" is not pinned: the lease that had it first keeps it/);
  assert.match(allowed.stdout, /\n {5}strip_prefix is false: in path mode .+ \/peer\/<lease>\nallowed\n$/);
  const lacking = await explain('--key', 'bot', '--lease', 'my-app', '--method', 'post');
  assert.deepEqual([lacking.code, lacking.stderr], [1, 'portal-gateway: refused: insufficient_scope\n']);
  const nobody = await explain('--lease', 'my-app', '--json');
  assert.equal((JSON.parse(nobody.stdout) as { code: unknown }).code, 'missing_credentials');
  assert.equal((await explain('--key', 'other', '--lease', 'my-app')).code, 2);
  const upgrade = await explain('--key', 'bot', '--lease', 'my-app', '--upgrade');
  assert.equal(upgrade.stderr, 'portal-gateway: refused: insufficient_scope\n');
  const noAddress = await explain('--key', 'bot', '--lease', 'my-app', '--ip', '10.0.0.0/8');
  assert.deepEqual([noAddress.code, noAddress.stdout], [2, '']);
  assert.match(noAddress.stderr, /--ip takes an IPv4 or IPv6 address, not "10\.0\.0\.0\/8"/);
});

test('explain applies rules for id and name if a pin joins them', async (t) => {
  const id = 'A'.repeat(26);
  const yaml = `auth: { keys: [{ id: bot, key: "\${KEY}" }, { id: ops, key: "\${KEY}-2" }] }
portal: { lease_pins: { invoices: ${id} } }
lease_acl: { invoices: [bot], ${id}: [ops] }
`;
  const { file, run } = await configPlace(t, yaml, keys);
  for (const lease of ['invoices', 'Invoices', id]) {
    for (const key of ['bot', 'ops']) {
      const { code, stdout } = await run(['explain', '--config', file, '--key', key, '--lease', lease]);
      assert.equal(code, 1, `${key} ${lease}`);
      assert.match(stdout, /are exact: "A{26}" \[ops\], "invoices" \[bot\]/);
    }
  }
});
