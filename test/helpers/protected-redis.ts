// Real redis-servers on a port, with passwords, with TLS, or with neither, and a fake server that
// quotes its input in its replies.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { tlsFile } from './certificates.ts';
import { freePort } from './free-port.ts';
import { needs } from './needs.ts';
import { tempDirectory } from './temp-directory.ts';

const { path: program } = needs('redis-server');

export interface ProtectedRedis {
  /** HOST:PORT */
  readonly place: string;
  readonly port: number;
}

/** `password`: the default user's. `acl`: more users, in Redis ACL syntax. */
export function startProtectedRedis(t: TestContext, password: string, acl: string): Promise<ProtectedRedis> {
  return startOnPort(t, (port) => ['--port', port, '--requirepass', password, '--user', ...acl.split(' ')]);
}

/** Accepts only TLS, with the certificate for `localhost` in tls/. */
export function startTlsRedis(t: TestContext): Promise<ProtectedRedis> {
  const [cert, key] = [tlsFile('cert.pem'), tlsFile('key.pem')];
  const files = ['--tls-cert-file', cert, '--tls-key-file', key, '--tls-ca-cert-file', cert];
  return startOnPort(t, (port) => ['--port', '0', '--tls-port', port, ...files, '--tls-auth-clients', 'no']);
}

/** Without password and TLS. */
export function startPlainRedis(t: TestContext): Promise<ProtectedRedis> {
  return startOnPort(t, (port) => ['--port', port]);
}

async function startOnPort(t: TestContext, settingsOf: (port: string) => readonly string[]): Promise<ProtectedRedis> {
  // Redis treats port 0 as no port, so a free one must be found.
  for (let tries = 0; ; tries += 1) {
    const port = await freePort();
    const args = ['--bind', '127.0.0.1', ...settingsOf(String(port)), '--save', '', '--dir', await tempDirectory(t)];
    const child = spawn(program, args);
    t.after(() => child.kill('SIGKILL'));
    const exited = once(child, 'exit').then(() => false);
    const ready = new Promise<boolean>((resolve) => {
      let log = '';
      child.stdout.on('data', (chunk: Buffer) => {
        log += chunk.toString();
        if (/ready to accept connections/i.test(log)) resolve(true);
      });
    });
    if (await Promise.race([ready, exited])) return { port, place: `127.0.0.1:${port}` };
    if (tries === 4) throw new Error('redis-server does not start');
  }
}

/** Replies as old servers and proxies do: `ERR unknown command …, with args beginning with: …`. */
export async function startQuotingRedis(t: TestContext): Promise<ProtectedRedis> {
  const server = createServer((socket) => {
    t.after(() => socket.destroy());
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      const words = chunk
        .toString()
        .split('\r\n')
        .filter((word) => !/^[*$]\d+$/.test(word) && word !== '');
      socket.write(`-ERR unknown command, with args beginning with: ${words.join(' ')}\r\n`);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  return { port, place: `127.0.0.1:${port}` };
}
