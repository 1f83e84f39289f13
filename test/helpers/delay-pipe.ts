// A TCP proxy that holds every byte for a time, each way, without limiting the rate: a long path between two processes of one machine.
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export interface DelayPipe {
  readonly port: number;
  /** Bursts of 64 KiB or more that were passed on, of all connections. Each is a round trip of a sender that waits for its window. */
  readonly burstsToTarget: number;
  readonly burstsFromTarget: number;
  close(): void;
}

export interface DelayPipeOptions {
  /** Each way. */
  readonly delayMs: number;
  /**
   * bytes: each leaves so much later than it came. bursts: all leave together, so much after the last came. A sender that waits for its
   * window sends one burst in a round trip, however slow the machine is.
   */
  readonly hold: 'bytes' | 'bursts';
}

const burstBytes = 65_536;

export async function openDelayPipe(targetPort: number, options: DelayPipeOptions): Promise<DelayPipe> {
  const sockets = new Set<Socket>();
  const [toTarget, fromTarget]: [Way[], Way[]] = [[], []];
  const server = createServer({ noDelay: true }, (near) => {
    const far = connect({ host: '127.0.0.1', port: targetPort, noDelay: true });
    toTarget.push(new Way(near, far, options));
    fromTarget.push(new Way(far, near, options));
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const bursts = (ways: readonly Way[]): number => ways.reduce((sum, way) => sum + way.bursts, 0);
  return {
    port: (server.address() as AddressInfo).port,
    get burstsToTarget() {
      return bursts(toTarget);
    },
    get burstsFromTarget() {
      return bursts(fromTarget);
    },
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

interface Held {
  readonly cameAtMs: number;
  /** undefined: the end. */
  readonly chunk: Buffer | undefined;
}

/** One direction of a connection. Reads at once, writes later, pauses nobody. */
class Way {
  bursts = 0;
  readonly #target: Socket;
  readonly #options: DelayPipeOptions;
  readonly #queue: Held[] = [];
  #isWaiting = false;

  constructor(source: Socket, target: Socket, options: DelayPipeOptions) {
    this.#target = target;
    this.#options = options;
    source.on('data', (chunk: Buffer) => {
      this.#hold(chunk);
    });
    source.on('end', () => {
      this.#hold(undefined);
    });
    source.on('error', () => target.destroy());
  }

  #hold(chunk: Buffer | undefined): void {
    this.#queue.push({ cameAtMs: performance.now(), chunk });
    if (!this.#isWaiting) this.#wait(this.#options.delayMs);
  }

  #wait(waitMs: number): void {
    this.#isWaiting = true;
    setTimeout(() => {
      this.#isWaiting = false;
      this.#release();
    }, waitMs);
  }

  #release(): void {
    const { delayMs, hold } = this.#options;
    const dueMs = performance.now() - delayMs;
    const early = (entry: Held | undefined): entry is Held => entry !== undefined && entry.cameAtMs > dueMs;
    const last = this.#queue.at(-1);
    const firstEarly = this.#queue.findIndex(early);
    const count = firstEarly === -1 ? this.#queue.length : hold === 'bursts' && early(last) ? 0 : firstEarly;
    let bytes = 0;
    this.#target.cork();
    for (const { chunk } of this.#queue.splice(0, count)) {
      bytes += chunk?.length ?? 0;
      if (chunk === undefined) this.#target.end();
      else this.#target.write(chunk);
    }
    this.#target.uncork();
    if (bytes >= burstBytes) this.bursts += 1;
    const next = hold === 'bursts' ? this.#queue.at(-1) : this.#queue[0];
    if (next !== undefined) this.#wait(Math.max(1, next.cameAtMs - dueMs));
  }
}
