// A TCP proxy that delays every byte, each way, without limiting the rate: simulates a long path
// between two processes on one machine.
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export interface DelayPipe {
  readonly port: number;
  /**
   * Bursts of 64 KiB or more that were forwarded, over all connections. A sender that waits for its
   * window sends one burst per round trip.
   */
  readonly burstsToTarget: number;
  readonly burstsFromTarget: number;
  close(): void;
}

export interface DelayPipeOptions {
  /** Delay each way. */
  readonly delayMs: number;
  /**
   * bytes: each byte leaves `delayMs` after it arrived. bursts: all bytes leave together, `delayMs`
   * after the last one arrived. A sender that waits for its window then sends one burst per round
   * trip, however slow the machine is.
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
  /** Undefined: end of stream. */
  readonly chunk: Buffer | undefined;
}

/** One direction of a connection. Reads at once, writes later, never applies backpressure. */
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
