// Runs loads: gives each its context, collects its counters and stops it. Independent of any
// particular load.
import { hash } from 'node:crypto';
import { Agent } from 'node:https';
import process from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';
import { credentialFromSeed } from '../../src/portal/index.ts';
import { SecureChannel } from '../../src/portal/secure/channel.ts';
import type { SecurePipe } from '../../src/portal/secure/secure-pipe.ts';
import { call, servername } from './clients.ts';
import type { Load, LoadContext, Pace, Targets } from './load.ts';
import { seededRandom, type Random } from './random.ts';
import { joinRelay } from './relay-access.ts';

export interface LoadReport {
  readonly name: string;
  readonly rate: string;
  readonly counters: Readonly<Record<string, number>>;
  /** How often each promise was broken, by its text. */
  readonly broken: Readonly<Record<string, number>>;
}

/** Above this number, all further kinds of errors share one counter. */
const maxCounters = 40;
const unknownStatus = 404;

export interface LoadSetup {
  readonly targets: Targets;
  readonly key: string;
  readonly seed: string;
}

export class LoadRunner {
  readonly #load: Load;
  readonly #index: number;
  readonly #targets: Targets;
  readonly #key: string;
  readonly #seed: string;
  readonly #random: Random;
  readonly #stopped = new AbortController();
  readonly #underWay = new Set<Promise<void>>();
  readonly #closers: (() => void)[] = [];
  readonly #counters = new Map<string, number>();
  readonly #broken = new Map<string, number>();

  /** `index`: determines the load's addresses. */
  constructor(load: Load, index: number, { targets, key, seed }: LoadSetup) {
    this.#load = load;
    this.#index = index;
    this.#targets = targets;
    this.#key = key;
    this.#seed = `${seed} ${load.name}`;
    this.#random = seededRandom(this.#seed);
  }

  async start(): Promise<void> {
    await this.#load.start(this.#context());
  }

  report(): LoadReport {
    const { name, rate } = this.#load;
    return { name, rate, counters: Object.fromEntries(this.#counters), broken: Object.fromEntries(this.#broken) };
  }

  async stop(): Promise<void> {
    this.#stopped.abort(new Error('the run is over'));
    for (const close of this.#closers.reverse()) close();
    await Promise.all(this.#underWay);
  }

  #context(): LoadContext {
    return {
      ...this.#targets,
      key: this.#key,
      random: this.#random,
      signal: this.#stopped.signal,
      address: (n = 1) => `127.66.${this.#index + 1}.${n}`,
      count: (what, by = 1) => {
        add(this.#counters, what, by);
      },
      broken: (promise) => {
        add(this.#broken, promise, 1);
      },
      every: (pace, action) => {
        this.#repeat(pace, action);
      },
      publish: async (name, serve) => {
        await this.#publish(name, serve);
        await this.#untilServed(name);
      },
      defer: (close) => {
        this.#closers.push(close);
      },
    };
  }

  #repeat({ perSecond, atOnce, timeoutMs }: Pace, action: (signal: AbortSignal) => Promise<void> | void): void {
    let running = 0;
    const begin = (): void => {
      if (running >= atOnce) return;
      running += 1;
      const done = this.#act(timeoutMs, action).finally(() => {
        running -= 1;
        this.#underWay.delete(done);
      });
      this.#underWay.add(done);
    };
    const next = (): void => {
      timer = setTimeout(
        () => {
          begin();
          next();
        },
        ((0.5 + this.#random.next()) * 1_000) / perSecond,
      );
    };
    let timer: NodeJS.Timeout | undefined;
    next();
    this.#closers.push(() => {
      clearTimeout(timer);
    });
  }

  async #act(timeoutMs: number, action: (signal: AbortSignal) => Promise<void> | void): Promise<void> {
    const limit = new AbortController();
    const stop = (): void => {
      limit.abort(new Error('the run is over'));
    };
    const timer = setTimeout(() => {
      limit.abort(new DOMException('the action took too long', 'TimeoutError'));
    }, timeoutMs);
    this.#stopped.signal.addEventListener('abort', stop, { once: true });
    try {
      await action(limit.signal);
    } catch (error) {
      if (!this.#stopped.signal.aborted) add(this.#counters, `error ${codeOf(error)}`, 1);
    } finally {
      clearTimeout(timer);
      this.#stopped.signal.removeEventListener('abort', stop);
    }
  }

  /** Resolves with the first publication; publishes again when its session ends. */
  #publish(name: string, serve: Parameters<LoadContext['publish']>[1]): Promise<void> {
    const credential = credentialFromSeed(hash('sha256', `${this.#seed} app ${name}`, 'buffer'));
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const { signal } = this.#stopped;
    const keepUp = async (): Promise<void> => {
      while (!signal.aborted) {
        try {
          const session = await joinRelay(this.#targets.relay.url, this.#context().address(200), credential);
          const close = (): void => void session.close();
          signal.addEventListener('abort', close, { once: true });
          const offer = { name, credential, alpn: ['http/1.1'] };
          const deliver = (pipe: SecurePipe): boolean => {
            const tunnel = new SecureChannel(pipe);
            tunnel.on('error', () => undefined);
            serve(tunnel);
            return true;
          };
          session.publish(offer, deliver, {
            published: () => {
              resolve(undefined);
            },
            refused: () => {
              add(this.#counters, 'lease refused', 1);
              close();
            },
          });
          await session.closed;
          signal.removeEventListener('abort', close);
        } catch (error) {
          add(this.#counters, `relay error ${codeOf(error)}`, 1);
        }
        await pause(1_000, undefined, { signal }).catch(() => undefined);
      }
    };
    this.#underWay.add(keepUp());
    return promise;
  }

  /**
   * Waits, because the gateway asks its relays about an unknown name, and a hostile relay may delay
   * that.
   */
  async #untilServed(name: string): Promise<void> {
    const { gateway } = this.#targets;
    const { signal } = this.#stopped;
    const agent = new Agent({ ca: gateway.ca, servername, localAddress: this.#context().address() });
    for (let status = unknownStatus; status === unknownStatus && !signal.aborted;) {
      const options = { agent, path: `/peer/${name}/`, key: this.#key, readBytes: 1 };
      // A hostile app may cut the response, which also shows that it is served.
      status = await call(this.#targets, { ...options, signal: AbortSignal.timeout(10_000) }).catch(() => 0);
      if (status === unknownStatus) await pause(500, undefined, { signal }).catch(() => undefined);
    }
    agent.destroy();
  }
}

function add(counts: Map<string, number>, what: string, by: number): void {
  const name = counts.has(what) || counts.size < maxCounters ? what : 'other';
  counts.set(name, (counts.get(name) ?? 0) + by);
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if ('code' in error && typeof error.code === 'string') return error.code;
  if (error.name !== 'TimeoutError') process.emitWarning(error);
  return error.name;
}
