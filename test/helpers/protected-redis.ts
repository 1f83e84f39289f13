// Owns a real redis-server that asks for passwords, on a port, and a server that answers everything with what it was sent.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { freePort } from './free-port.ts';
import { needs } from './needs.ts';
import { tempDirectory } from './temp-directory.ts';

const { path: program } = needs('redis-server');

export interface ProtectedRedis {
  /** HOST:PORT */
  readonly place: string;
}

/** `password`: of the user who is meant where none is named. `acl`: more users, as in Redis' own rules. */
export async function startProtectedRedis(t: TestContext, password: string, acl: string): Promise<ProtectedRedis> {
  // Redis takes no port 0: it means none.
  for (let tries = 0; ; tries += 1) {
    const port = await freePort();
    const args = [
      '--bind',
      '127.0.0.1',
      '--port',
      String(port),
      '--requirepass',
      password,
      '--user',
      ...acl.split(' '),
    ];
    const child = spawn(program, [...args, '--save', '', '--dir', await tempDirectory(t)]);
    t.after(() => child.kill('SIGKILL'));
    const exited = once(child, 'exit').then(() => false);
    const ready = new Promise<boolean>((resolve) => {
      let log = '';
      child.stdout.on('data', (chunk: Buffer) => {
        log += chunk.toString();
        if (/ready to accept connections/i.test(log)) resolve(true);
      });
    });
    if (await Promise.race([ready, exited])) return { place: `127.0.0.1:${port}` };
    if (tries === 4) throw new Error('redis-server does not start');
  }
}

/** As old ones and proxies do: `ERR unknown command …, with args beginning with: …`. */
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
  return { place: `127.0.0.1:${(server.address() as AddressInfo).port}` };
}
