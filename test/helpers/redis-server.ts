// A real redis-server for one test, on a socket in a temporary directory, that can be killed and
// restarted.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { needs } from './needs.ts';

const { path: program, skip } = needs('redis-server');
/** False, or why tests with Redis cannot run here and how to fix that. */
export const redisMissing: string | false = skip;

export class RedisServer {
  readonly url: string;
  readonly #directory: string;
  #child: ChildProcess | undefined;

  private constructor(directory: string) {
    this.#directory = directory;
    this.url = `unix://${join(directory, 'redis.sock')}`;
  }

  static async start(t: Pick<TestContext, 'after'>): Promise<RedisServer> {
    const directory = await mkdtemp(join(tmpdir(), 'portal-gateway-redis-'));
    const server = new RedisServer(directory);
    t.after(async () => {
      await server.kill();
      await rm(directory, { recursive: true, force: true });
    });
    await server.restart();
    return server;
  }

  /** Restarts it empty, as after a loss of data. `settings`: more command line arguments. */
  async restart(...settings: readonly string[]): Promise<void> {
    const path = this.url.slice('unix://'.length);
    const args = ['--port', '0', '--unixsocket', path, '--save', '', '--appendonly', 'no', '--dir', this.#directory];
    const child = spawn(program, [...args, ...settings], { stdio: ['ignore', 'pipe', 'ignore'] });
    this.#child = child;
    let log = '';
    await new Promise<void>((resolve, reject) => {
      child.stdout.on('data', (chunk: Buffer) => {
        log += chunk.toString();
        if (/ready to accept connections/i.test(log)) resolve();
      });
      child.once('error', reject);
      child.once('exit', () => {
        reject(new Error(`redis-server ended: ${log}`));
      });
    });
  }

  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child?.exitCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  freeze(): void {
    this.#child?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#child?.kill('SIGCONT');
  }
}
