// The test's side of peers/parent.ts: starts a child process that the test measures, stops or
// kills.
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { TestContext } from 'node:test';
import { childEnvironment } from './child-environment.ts';
import type { PeerReport } from './peers/parent.ts';

type Message =
  | { readonly ready: Readonly<Record<string, unknown>> }
  | { readonly event: string }
  | { readonly id: number; readonly result?: unknown; readonly error?: string };

interface Waiter {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

export class PeerProcess<Ready> {
  readonly ready: Ready;
  readonly #child: ChildProcess;
  readonly #questions = new Map<number, Waiter>();
  readonly #expected = new Map<string, (() => void)[]>();
  #lastId = 0;

  private constructor(child: ChildProcess, ready: Ready) {
    this.#child = child;
    this.ready = ready;
    child.on('message', (message: Message) => {
      if ('event' in message) this.#happened(message.event);
      else if ('id' in message) this.#answered(message.id, message.result, message.error);
    });
    child.on('exit', () => {
      for (const { reject } of this.#questions.values()) reject(new Error('the process has ended'));
      this.#questions.clear();
    });
  }

  /** Runs one of the programs in peers/, and kills it after the test if it still runs. */
  static async start<Ready>(
    t: Pick<TestContext, 'after'>,
    name: string,
    settings: object,
  ): Promise<PeerProcess<Ready>> {
    const path = fileURLToPath(new URL(`peers/${name}.ts`, import.meta.url));
    // Passes none of the test's flags: coverage and reporters would distort the measurements.
    const child = fork(path, [JSON.stringify(settings)], {
      execArgv: [],
      env: childEnvironment({}),
      serialization: 'json',
    });
    t.after(() => {
      child.kill('SIGKILL');
    });
    // Messages that arrive together are emitted together, so one listener handles all of them; a
    // listener added later would miss some.
    return new Promise((resolve, reject) => {
      child.on('message', (message: Message) => {
        if ('ready' in message) resolve(new PeerProcess(child, message.ready as Ready));
      });
      child.once('error', reject).once('exit', (code) => {
        reject(new Error(`${name} ended with ${String(code)} before it was ready`));
      });
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  ask<Result>(command: string, argument: unknown = null): Promise<Result> {
    if (!this.#child.connected) return Promise.reject(new Error('the process has ended'));
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise<Result>((resolve, reject) => {
      this.#questions.set(id, { resolve: resolve as (result: unknown) => void, reject });
      this.#child.send({ id, command, argument });
    });
  }

  report(): Promise<PeerReport> {
    return this.ask('report');
  }

  /** The number of live instances of these classes, after a garbage collection. */
  objects(...names: readonly string[]): Promise<readonly number[]> {
    return this.ask('objects', names);
  }

  /** Resolves with the next event of that name. */
  event(name: string): Promise<void> {
    return new Promise((resolve) => {
      this.#expected.set(name, [...(this.#expected.get(name) ?? []), resolve]);
    });
  }

  freeze(): void {
    this.#child.kill('SIGSTOP');
  }

  thaw(): void {
    this.#child.kill('SIGCONT');
  }

  /** Stops it with SIGTERM, as an operator does. */
  terminate(): void {
    this.#child.kill('SIGTERM');
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }

  #happened(event: string): void {
    const resolves = this.#expected.get(event) ?? [];
    this.#expected.delete(event);
    for (const resolve of resolves) resolve();
  }

  #answered(id: number, result: unknown, error: string | undefined): void {
    const waiter = this.#questions.get(id);
    this.#questions.delete(id);
    if (error === undefined) waiter?.resolve(result);
    else waiter?.reject(new Error(error));
  }
}
