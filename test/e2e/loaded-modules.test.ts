// A start loads what its configuration uses and nothing else: each of these modules takes 5 to 15
// MiB and 10 to 40 ms.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { startCli, temporaryDirectory } from '../helpers/cli.ts';

const recorder = join(import.meta.dirname, '../helpers/peers/loaded-modules.ts');
const nowhere = 'ws://127.0.0.1:1/relay';

/** Modules that few configurations need. */
const optional = [
  ['http2', 'for TLS'],
  ['@redis/client', 'for rate_limit.storage.type: redis'],
  ['undici', 'for secrets of Vault and AWS'],
  ['jose', 'for assertions'],
  ['hash-wasm', 'for API keys'],
  ['internal/deps/undici/undici', 'which an import of values from node:http loads'],
] as const;

test('start and expose load no module that their settings do not use', async (t) => {
  const [start, expose] = await Promise.all([
    loadedBy(t, ['start', '--port', '0', '--relay', nowhere], /"message":"listening"/, 'line'),
    loadedBy(t, ['expose', '1', '--name', 'app', '--relay', nowhere], /./, 'note'),
  ]);
  for (const loaded of [start, expose]) {
    assert.ok(loaded.includes('ws'), 'the recorder sees packages');
    assert.ok(loaded.includes('http'), 'and the modules of Node');
  }
  for (const [name, use] of optional) {
    assert.ok(!start.includes(name), `start loaded ${name}, ${use}`);
    assert.ok(!expose.includes(name), `expose loaded ${name}, ${use}`);
  }
});

async function loadedBy(
  t: TestContext,
  args: readonly string[],
  running: RegExp,
  on: 'line' | 'note',
): Promise<readonly string[]> {
  const cli = startCli(t, args, { XDG_STATE_HOME: await temporaryDirectory(t), NODE_OPTIONS: `--import=${recorder}` });
  await cli[on](running);
  cli.child.kill('SIGTERM');
  assert.equal(await cli.exited, 0, cli.stderr());
  const [, list = ''] = /^loaded (.*)$/m.exec(cli.stderr()) ?? [];
  return JSON.parse(list) as readonly string[];
}
