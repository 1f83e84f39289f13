// The path under attack, each part in its own process: our relay, the gateway run by `start` with a
// configuration file, and `expose` in front of an honest app.
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { TestContext } from 'node:test';
import { createApiKey } from '../../src/auth/api-key.ts';
import { certificate, privateKeyFile, tlsFile } from '../helpers/certificates.ts';
import { startCli, temporaryDirectory, type CliProcess } from '../helpers/cli.ts';
import { freePort } from '../helpers/free-port.ts';
import type { Targets } from './load.ts';
import { loads } from './loads/all.ts';

export interface SoakPath {
  readonly targets: Targets;
  /** Key of the honest client, whose lease is `honest`. */
  readonly honestKey: string;
  /** Keyed by load name. */
  readonly loadKeys: Readonly<Record<string, string>>;
  /** For metrics and health: `http://127.0.0.1:PORT`. */
  readonly adminUrl: string;
  readonly logFile: string;
  readonly processes: { readonly gateway: CliProcess; readonly relay: CliProcess; readonly expose: CliProcess };
}

/**
 * A small limit, so that few clients reach it: with more than 60 in flight, the share of each key,
 * lease and address is 20.
 */
const maxInFlight = 80;
const startTimeoutMs = 30_000;

export async function startPath(t: TestContext): Promise<SoakPath> {
  const directory = await temporaryDirectory(t);
  const app = await startHonestApp(t);
  const relay = startCli(t, ['relay', '--port', '0'], {});
  const [relayUrl] = await relay.line(/ws:\/\/\S+/);
  const state = { XDG_STATE_HOME: directory };
  const expose = startCli(t, ['expose', String(app), '--name', 'honest', '--relay', relayUrl], state);
  await expose.note(/honest/);
  const [port, adminPort, secondRelayPort] = [await freePort(), await freePort(), await freePort()];
  const honestKey = createApiKey('test');
  const loadKeys = Object.fromEntries(loads.map(({ name }) => [name, createApiKey('test')]));
  const file = join(directory, 'gateway.yaml');
  const logFile = join(directory, 'gateway.log');
  const keyFile = await privateKeyFile(directory, 'key.pem');
  await writeFile(
    file,
    configuration({ port, adminPort, relays: [relayUrl, relayUrlOf(secondRelayPort)], logFile, keyFile }),
  );

  const keys = Object.entries({ ...loadKeys, honest: honestKey });
  const secrets = Object.fromEntries(keys.map(([name, key]) => [variableOf(name), key]));
  const gateway = startCli(t, ['start', '--config', file], { ...state, ...secrets });
  const adminUrl = `http://127.0.0.1:${adminPort}`;
  await Promise.race([
    becomesReady(`${adminUrl}/health/ready`),
    gateway.exited.then(() => {
      throw new Error(`the gateway has ended:\n${gateway.stderr()}${gateway.stdout()}`);
    }),
  ]);
  return {
    targets: {
      gateway: { port, pid: gateway.child.pid ?? 0, ca: certificate.cert },
      relay: { url: relayUrl, port: Number(new URL(relayUrl).port) },
      secondRelayPort,
    },
    honestKey,
    loadKeys,
    adminUrl,
    logFile,
    processes: { gateway, relay, expose },
  };
}

/** An app that responds with the request body, or with the path. */
async function startHonestApp(t: TestContext): Promise<number> {
  const server = createServer((request, response) => {
    if (request.method === 'POST') request.pipe(response);
    else response.end(request.url);
  });
  server.keepAliveTimeout = 120_000;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

async function becomesReady(url: string): Promise<void> {
  const deadlineMs = performance.now() + startTimeoutMs;
  for (;;) {
    const status = await fetch(url, { signal: AbortSignal.timeout(1_000) }).then(
      (response) => response.status,
      () => 0,
    );
    if (status === 200) return;
    if (performance.now() > deadlineMs) throw new Error(`the gateway is not ready after ${startTimeoutMs / 1_000} s`);
    await pause(100);
  }
}

const relayUrlOf = (port: number): string => `ws://127.0.0.1:${port}/relay`;
const variableOf = (name: string): string => `SOAK_KEY_${name.toUpperCase().replaceAll('-', '_')}`;

interface Places {
  readonly port: number;
  readonly adminPort: number;
  readonly relays: readonly string[];
  readonly logFile: string;
  readonly keyFile: string;
}

function configuration({ port, adminPort, relays, logFile, keyFile }: Places): string {
  const names = loads.map(({ name }) => name);
  const unlimited = '{ requests_per_second: 100000, burst: 100000 }';
  return `
gateway: { port: ${port}, max_in_flight: ${maxInFlight}, min_write_rate: 16KiB }
tls: { enabled: true, cert_file: ${tlsFile('cert.pem')}, key_file: ${keyFile} }
admin: { port: ${adminPort} }
portal:
  relays: [${relays.map((url) => `{ url: "${url}" }`).join(', ')}]
  reconnect: { initial: 200ms, max: 1s }
  directory_ttl: 5s
auth:
  keys:
${['honest', ...names].map((name) => `    - { id: ${name}, key: "\${${variableOf(name)}}" }`).join('\n')}
lease_acl:
  honest: [honest]
  "*": [${names.join(', ')}]
rate_limit:
  global: ${unlimited}
  per_key: { default: ${unlimited} }
quotas: { daily: { brotli-bombs: { llm_tokens: 1000000000000 } } }
logging: { output: file, file: { path: ${logFile}, max_size: 20MB, max_backups: 1 } }
`;
}
