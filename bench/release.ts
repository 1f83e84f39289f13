// Starts the built package (`make build`) as its users do: relay, expose, and gateways with
// everything on or everything off.
import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { hashSync } from 'bcryptjs';
import { createApiKey, prefixCharacters } from '../src/auth/api-key.ts';
import { freePort } from './nginx.ts';
import { startPeer, type Peer } from './process.ts';

const main = 'dist/main.js';
const run = promisify(execFile);

/** A key that the gateways with authentication admit. */
export const key: string = createApiKey('live');
const hash = hashSync(key, 12);

export type Variant = 'on' | 'off' | 'tls';

const wide = '{ requests_per_second: 1000000, burst: 1000000 }';

/** What the variants have in common, so that no limit stops the load. */
function common(port: number, relayUrl: string): string {
  return `gateway: { port: ${port}, max_connections: 20000, max_connections_per_ip: 20000 }
portal: { relay_url: '${relayUrl}', pool: { max_idle: 1024, max_active: 4096 } }
`;
}

/** A bcrypt key, a rule, two rate limits, metrics, and an access log in a file. */
function everythingOn(folder: string): string {
  return `auth: { keys: [{ id: bench, key_hash: '${hash}', key_prefix: '${key.slice(0, prefixCharacters)}' }] }
lease_acl: { bench: [bench] }
rate_limit: { global: ${wide}, per_key: { default: ${wide} } }
logging: { format: json, output: file, file: { path: '${join(folder, 'access.log')}' } }
`;
}

const everythingOff = `auth: { enabled: false }
lease_acl: { bench: [anonymous] }
rate_limit: { global: ${wide} }
logging: { level: error }
metrics: { enabled: false }
`;

/** A certificate for 127.0.0.1, made by openssl. */
async function certificate(folder: string): Promise<string> {
  const [certFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  await run('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'],
    ...['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1', '-out', certFile, '-keyout', keyFile],
  ]);
  return `tls: { enabled: true, cert_file: '${certFile}', key_file: '${keyFile}' }\n`;
}

/** `extra`: further sections of the configuration. */
export interface GatewayOptions {
  readonly folder: string;
  readonly relayUrl: string;
  readonly variant: Variant;
  readonly extra?: string;
}

export interface StartedGateway {
  readonly peer: Peer;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** From the start of the process to the first response with 200. */
  readonly firstResponseMs: number;
}

/** Ready when a request to the lease `bench` gets 200. Its state is kept in the folder. */
export async function startGateway({ folder, relayUrl, variant, extra = '' }: GatewayOptions): Promise<StartedGateway> {
  const own = join(folder, variant);
  await mkdir(own, { recursive: true });
  const port = await freePort();
  const sections = variant === 'off' ? everythingOff : everythingOn(own);
  const tls = variant === 'tls' ? await certificate(own) : '';
  const file = join(own, 'gateway.yaml');
  await writeFile(file, common(port, relayUrl) + sections + tls + extra);
  const startedMs = performance.now();
  const env = { PATH: process.env['PATH'], XDG_STATE_HOME: own };
  const peer = await startPeer(process.execPath, [main, 'start', '--config', file], { readySilently: true, env });
  const headers = variant === 'off' ? {} : { authorization: `Bearer ${key}` };
  const scheme = variant === 'tls' ? 'https' : 'http';
  const url = `${scheme}://127.0.0.1:${port}/peer/bench`;
  await firstResponse(`${url}/bytes/1`, headers);
  return { peer, url, headers, firstResponseMs: performance.now() - startedMs };
}

/** Resolves once the URL responds with 200. Asks every millisecond or two. */
async function firstResponse(url: string, headers: Readonly<Record<string, string>>): Promise<void> {
  const headerArgs = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
  if (url.startsWith('https:')) {
    await run('curl', [
      '-ksS',
      '-o',
      '/dev/null',
      '--retry',
      '60',
      '--retry-delay',
      '1',
      '--retry-all-errors',
      '-f',
      ...headerArgs,
      url,
    ]);
    return;
  }
  for (;;) {
    const status = await fetch(url, { headers, signal: AbortSignal.timeout(10_000) }).then(
      async (response) => (await response.arrayBuffer(), response.status),
      () => 0,
    );
    if (status === 200) return;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

export interface Published {
  readonly relayUrl: string;
  readonly peers: readonly Peer[];
}

/** Our relay, and our expose that publishes the app on this port as `bench`. */
export async function publish(appPort: string, folder: string): Promise<Published> {
  const relay = await startPeer(process.execPath, [main, 'relay', '--port', '0'], { showsErrors: false });
  const relayUrl = /ws:\/\/\S+/.exec(relay.ready)?.[0] ?? '';
  const expose = await startPeer(
    process.execPath,
    [
      ...[main, 'expose', appPort, '--name', 'bench', '--relay', relayUrl],
      ...['--identity', join(folder, 'app.json'), '--json', '--max-tunnels', '4096'],
    ],
    { showsErrors: false },
  );
  return { relayUrl, peers: [relay, expose] };
}
