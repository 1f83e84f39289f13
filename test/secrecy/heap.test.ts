// Checks what a core dump of a running gateway would reveal: takes a heap snapshot of all live
// objects after callers have come and gone. It must contain no plain key of a caller, nor one of
// the configuration, of which the gateway keeps only the digest.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { get, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { prefixCharacters } from '../../src/auth/api-key.ts';
import { startCli, temporaryDirectory } from '../helpers/cli.ts';
import { publishDemo, startRelay } from '../helpers/published-demo.ts';
import { withKeyIdOf } from '../helpers/wrong-keys.ts';
import { mark, markedHash, markedKey, markedSecret } from './marks.ts';

const inConfig = {
  'of the file': markedSecret('of-the-file'),
  'of the environment': markedSecret('of-the-environment'),
  'by a reference': markedSecret('by-a-reference'),
  'of a reload': markedSecret('of-a-reload'),
};
const hashed = markedKey('live');
const ofCallers = {
  'whose hash is known': hashed,
  'with a known beginning': withKeyIdOf(hashed, markedKey('live')),
  'that is unknown': markedSecret('nobody'),
  'that is short': `${mark}-0`,
  'of our form that is unknown': markedKey('live'),
};
const heads = [
  'X-API-Key: ',
  'Authorization: Bearer ',
  'Cookie: key=',
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: portal-gateway.bearer.',
];

/** The secret part of a key. */
function secretOf(key: string): string {
  return key.startsWith('sk_') ? key.slice(prefixCharacters) : key;
}

const config = (plain: string): string => `
gateway: { port: 0 }
auth:
  keys:
    - { id: hashed, key_hash: "${markedHash(hashed)}", key_prefix: "${hashed.slice(0, prefixCharacters)}" }
    - { id: plain, key: ${plain} }
    - { id: variable, key: "\${SECRET}" }
lease_acl: { demo: ["*"] }
rate_limit: { per_key: { default: { requests_per_second: 1000, burst: 1000 } }, per_ip: { requests_per_second: 1000, burst: 1000 } }
quotas: { daily: { hashed: { requests: 1000 }, plain: { requests: 1000 } } }
`;

test('the heap of a gateway holds no key', async (t) => {
  const relay = await startRelay(t);
  await publishDemo(t, relay.url, 'demo');
  const directory = await temporaryDirectory(t);
  const file = join(directory, 'gateway.yaml');
  await writeFile(file, config(inConfig['of the file']), { mode: 0o600 });
  const cli = startCli(t, ['start', '--config', file, '--relay', relay.url], {
    XDG_STATE_HOME: directory,
    GATEWAY_API_KEY: inConfig['of the environment'],
    SECRET: inConfig['by a reference'],
    NODE_OPTIONS: `--heapsnapshot-signal=SIGUSR2 --diagnostic-dir=${directory}`,
  });
  const [, port = ''] = await cli.line(/"url":"http:[^"]+:(\d+)".*"message":"listening"/);
  await cli.line(/relay connected/);

  const statusOf = async (key: string, head: string): Promise<string> => {
    const socket = connect(Number(port), '127.0.0.1');
    socket.write(`GET /peer/demo/status/204 HTTP/1.1\r\nHost: gw\r\nConnection: close\r\n${head}${key}\r\n\r\n`);
    return (await text(socket)).slice(9, 12);
  };
  for (const key of [...Object.values(inConfig), ...Object.values(ofCallers)]) {
    for (const head of heads) await statusOf(key, head);
  }
  assert.equal(await statusOf(hashed, 'X-API-Key: '), '204');
  assert.equal(await statusOf(inConfig['of the environment'], 'X-API-Key: '), '204');
  await writeFile(file, config(inConfig['of a reload']));
  cli.child.kill('SIGHUP');
  await cli.line(/configuration reloaded/);
  assert.equal(await statusOf(inConfig['of a reload'], 'X-API-Key: '), '204');

  const health = async (): Promise<void> => {
    const [response] = (await once(get({ port, path: '/health', agent: false }), 'response')) as [IncomingMessage];
    await text(response);
  };
  await health();
  cli.child.kill('SIGUSR2');
  let snapshot: string | undefined;
  while (snapshot === undefined) {
    await new Promise((resolve) => setImmediate(resolve));
    snapshot = (await readdir(directory)).find((name) => name.endsWith('.heapsnapshot'));
  }
  // Waits until the snapshot is complete: the event loop is blocked while it is written.
  await health();
  const heap = await readFile(join(directory, snapshot), 'latin1');
  assert.ok(heap.includes(hashed.slice(0, prefixCharacters)), 'the id of a key is not secret, and is found');
  const secrets = { ...inConfig, ...ofCallers };
  const found = Object.entries(secrets).filter(([, key]) => heap.includes(secretOf(key)));
  assert.deepEqual(
    found.map(([whose]) => whose),
    [],
  );
});
