// Marked secrets in every place where one can stand, right or wrong; then everything that the gateway wrote or answered is searched.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmod, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { hashSync } from '@node-rs/bcrypt';
import { createApiKey, prefixCharacters } from '../../src/auth/api-key.ts';
import { runCli, startCli, temporaryDirectory } from '../helpers/cli.ts';
import { publishDemo, startRelay } from '../helpers/published-demo.ts';

const keys = {
  hashed: createApiKey('live'),
  plain: createApiKey('test'),
  variable: 'mark-variable-0123456789',
  file: 'mark-file-0123456789',
  environment: createApiKey('live'),
  wrong: createApiKey('live'),
  elsewhere: 'mark-elsewhere-0123456789',
};
const others = ['mark-redis-password', 'mark-app-header'];
const bcrypt = hashSync(keys.hashed, { cost: 10 });

/** What gives a key away: what stands behind the key id of ours, all of others'. And no hash is anybody's business either. */
const marks = [
  ...Object.values(keys).map((key) => (key.startsWith('sk_') ? key.slice(prefixCharacters, -6) : key)),
  ...others,
];
const secret = [...marks, bcrypt.slice(8)];

const config = `
auth:
  keys:
    - { id: hashed, key_hash: "${bcrypt}", key_prefix: "${keys.hashed.slice(0, prefixCharacters)}" }
    - { id: plain, key: ${keys.plain} }
    - { id: variable, key: "\${SECRET}" }
    - { id: file, key: "file:secret", expires_at: 2020-01-01T00:00:00Z }
lease_acl: { demo: ["*"] }
leases: { demo: { headers: { request: { set: { Authorization: mark-app-header } } } } }
rate_limit: { storage: { redis: { url: "redis://user:mark-redis-password@127.0.0.1:9" } } }
logging: { level: debug }
`;

test('no secret in any log at any level, in metrics, answers, or what commands print', async (t) => {
  const relay = await startRelay(t);
  await publishDemo(t, relay.url, 'demo');
  const directory = await temporaryDirectory(t);
  const file = join(directory, 'gateway.yaml');
  await writeFile(file, config);
  await writeFile(join(directory, 'secret'), keys.file);
  await Promise.all([file, join(directory, 'secret')].map((path) => chmod(path, 0o600)));
  const environment = { XDG_STATE_HOME: directory, SECRET: keys.variable, GATEWAY_API_KEY: keys.environment };
  const cli = startCli(t, ['start', '--config', file, '--port', '0', '--relay', relay.url], environment);
  const [, port = ''] = await cli.line(/"url":"http:[^"]+:(\d+)".*"message":"listening"/);
  await cli.line(/"relay connected"/);

  const said: [string, string][] = [];
  const send = async (what: string, head: string): Promise<string> => {
    const socket = connect(Number(port), '127.0.0.1');
    await once(socket, 'connect');
    socket.write(`${head}\r\nHost: gw\r\nConnection: close\r\n\r\n`);
    const answer = await text(socket);
    said.push([what, answer]);
    return answer;
  };

  for (const [name, key] of Object.entries(keys)) {
    const path = '/peer/demo/status/204';
    const places: Record<string, string> = {
      bearer: `GET ${path} HTTP/1.1\r\nAuthorization: Bearer ${key}`,
      header: `GET ${path} HTTP/1.1\r\nX-API-Key: ${key}`,
      subprotocol: `GET ${path} HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: portal-gateway.bearer.${key}`,
      twice: `GET ${path} HTTP/1.1\r\nX-API-Key: ${key}\r\nAuthorization: Bearer ${key}`,
      scheme: `GET ${path} HTTP/1.1\r\nAuthorization: Basic ${key}`,
      query: `GET ${path}?key=${key} HTTP/1.1`,
      cookie: `GET ${path} HTTP/1.1\r\nCookie: key=${key}`,
      malformed: `GET ${path} HTTP/1.1\r\nAuthorization: Bearer ${key}\u0001`,
      large: `GET ${path} HTTP/1.1\r\nX-API-Key: ${key.repeat(1_000)}`,
      unknown: `GET /nowhere?key=${key} HTTP/1.1\r\nX-API-Key: ${key}`,
    };
    // Only keys of our form can be told in what a client calls a path, a lease or itself.
    if (key.startsWith('sk_')) {
      places['path'] = `GET ${path}/${key} HTTP/1.1`;
      places['lease'] = `GET /peer/${key}/ HTTP/1.1\r\nX-API-Key: ${keys.plain}`;
      places['agent'] = `GET ${path} HTTP/1.1\r\nUser-Agent: ${key}`;
    }
    for (const [place, head] of Object.entries(places)) await send(`${name} as ${place}`, head);
  }
  assert.match(await send('a good key', `GET /peer/demo/status/204 HTTP/1.1\r\nX-API-Key: ${keys.plain}`), / 204 /);
  const metrics = await send('metrics', 'GET /metrics HTTP/1.1');
  assert.match(metrics, /portal_gateway_requests_total/);
  await send('details', 'GET /health/details HTTP/1.1');

  await writeFile(file, config.replace('plain, key:', `plain, expires_at: ${keys.wrong}, key:`));
  cli.child.kill('SIGHUP');
  await cli.line(/configuration rejected/);
  const faulty = await runCli(t, ['validate', '--config', file], environment);
  assert.equal(faulty.code, 1);
  await writeFile(file, config);
  const results = await Promise.all(
    [['validate'], ['validate', '--json'], ['config', 'print'], ['config', 'print', '--json']].map((args) =>
      runCli(t, [...args, '--config', file], environment),
    ),
  );
  const explained = await runCli(t, ['explain', '--config', file, '--key', keys.wrong, '--lease', 'demo'], environment);
  cli.child.kill('SIGTERM');
  assert.equal(await cli.exited, 0);

  said.push(['stdout', cli.stdout()], ['stderr', cli.stderr()]);
  for (const { stdout, stderr } of [...results, faulty]) said.push(['a command', stdout + stderr]);
  said.push(['explain', explained.stdout + explained.stderr]);
  assert.ok(cli.stdout().split('\n').length > said.length / 2, 'requests are logged');
  const leaks = said.flatMap(([what, output]) => {
    return secret.filter((mark) => output.includes(mark)).map((mark) => `${what}: …${context(output, mark)}`);
  });
  assert.deepEqual(leaks, []);
});

function context(output: string, mark: string): string {
  const at = output.indexOf(mark);
  return output.slice(Math.max(0, at - 120), at + mark.length + 20);
}
