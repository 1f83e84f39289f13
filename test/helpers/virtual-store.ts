// Models several gateways that share limits in Redis, in virtual time: the limiter is real; the
// clock, the timers and the server are simulated. The model implements the buckets of the scripts.
// Of quotas it knows only that Redis may reject them.
import { setImmediate } from 'node:timers/promises';
import { FallbackLimiter } from '../../src/limits/fallback-limiter.ts';
import { LocalLimiter } from '../../src/limits/local-limiter.ts';
import { MemoryLimiter } from '../../src/limits/memory-limiter.ts';
import { QuotaLedger } from '../../src/limits/quotas/quota-ledger.ts';
import { RedisLimiter, type ScriptRunner } from '../../src/limits/redis/redis-limiter.ts';
import { epochScript, payScript, takeScript } from '../../src/limits/redis/redis-scripts.ts';
import { StoreReplyError } from '../../src/limits/store-reply.ts';
import type { Deadline } from '../../src/kernel/work/deadlines.ts';

/**
 * Runs events in order of their time; events of equal time run in the order in which they were
 * scheduled.
 */
export class VirtualTime {
  nowMs = 0;
  readonly #events: { readonly atMs: number; readonly call: () => void }[] = [];

  at(atMs: number, call: () => void): void {
    let index = this.#events.length;
    while (index > 0 && (this.#events[index - 1]?.atMs ?? 0) > atMs) index -= 1;
    this.#events.splice(index, 0, { atMs, call });
  }

  async runUntil(untilMs: number): Promise<void> {
    for (;;) {
      const event = this.#events[0];
      if (event === undefined || event.atMs > untilMs) break;
      this.#events.shift();
      this.nowMs = Math.max(this.nowMs, event.atMs);
      event.call();
      // Promises settle before the next event.
      await setImmediate();
    }
    this.nowMs = untilMs;
  }

  /** Like kernel/work/deadlines.ts, in virtual time. */
  deadlines(): { arm(deadline: Deadline, afterMs: number): void; disarm(deadline: Deadline): void } {
    const armed = new Map<Deadline, number>();
    let last = 0;
    return {
      arm: (deadline, afterMs) => {
        const number = (last += 1);
        deadline.dueMs = this.nowMs + afterMs;
        armed.set(deadline, number);
        this.at(deadline.dueMs, () => {
          if (armed.get(deadline) !== number) return;
          armed.delete(deadline);
          deadline.owner.expired();
        });
      },
      disarm: (deadline) => {
        armed.delete(deadline);
      },
    };
  }
}

export type Condition = 'up' | 'down' | 'full' | 'frozen';

/** Executes and answers the commands of one connection in order. */
export class VirtualRedis {
  condition: Condition = 'up';
  /**
   * The state of the account's quotas: broken ones are rejected by the script, denied ones by Redis
   * before it runs the script.
   */
  quotas: 'whole' | 'broken' | 'denied' = 'whole';
  /** Replies are lost: the command is executed, then the connection ends. */
  losesReplies = false;
  latencyMs: () => number = () => 1;
  readonly #time: VirtualTime;
  readonly #fullAtUs = new Map<string, number>();
  #epoch: string | undefined;
  #waiting: (() => void)[] = [];

  constructor(time: VirtualTime) {
    this.#time = time;
  }

  forget(): void {
    this.#fullAtUs.clear();
    this.#epoch = undefined;
  }

  become(condition: Condition): void {
    this.condition = condition;
    if (condition === 'frozen') return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const call of waiting) call();
  }

  connection(): ScriptRunner {
    let executedMs = 0;
    let respondedMs = 0;
    return {
      run: (script, keys, args) =>
        new Promise((resolve, reject) => {
          const latencyMs = this.latencyMs();
          executedMs = Math.max(executedMs, this.#time.nowMs + latencyMs / 2);
          this.#time.at(executedMs, () => {
            const execute = (): void => {
              const outcome = this.#outcome(script, keys, args);
              respondedMs = Math.max(respondedMs, this.#time.nowMs + latencyMs / 2);
              this.#time.at(respondedMs, () => {
                if (outcome instanceof Error) reject(outcome);
                else resolve(outcome);
              });
            };
            if (this.condition === 'frozen') this.#waiting.push(execute);
            else execute();
          });
        }),
    };
  }

  #outcome(script: string, keys: readonly string[], args: readonly string[]): unknown {
    if (this.condition === 'down') return Object.assign(new Error('the connection is lost'), { code: 'ECONNRESET' });
    if (this.condition === 'full') return new StoreReplyError('OOM');
    if (this.quotas === 'denied' && keys.some((key) => key.includes(':quota:'))) return new StoreReplyError('NOPERM');
    const reply = this.#run(script, keys, args);
    return this.losesReplies ? Object.assign(new Error('the connection is lost'), { code: 'ECONNRESET' }) : reply;
  }

  #run(script: string, keys: readonly string[], args: readonly string[]): unknown {
    if (script === epochScript) return (this.#epoch ??= args[0]);
    if (script === payScript) return keys.map((key, i) => this.#owe(key, this.#debtUs(key) + Number(args[i])));
    if (script === takeScript) return this.#take(keys, args.map(Number));
    throw new Error('not a script of the model');
  }

  #take(keys: readonly string[], [count = 0, ...args]: readonly number[]): number[] {
    const buckets = keys.slice(0, count).map((key, i) => {
      const [token = 0, burst = 0, cost = 0] = args.slice(3 * i);
      return {
        key,
        spentUs: cost * token,
        roomUs: burst * token,
        debtUs: Math.min(this.#debtUs(key), 2 * burst * token),
      };
    });
    const waits = buckets.map(({ spentUs, roomUs, debtUs }) => debtUs + spentUs - roomUs);
    const waitUs = Math.max(0, ...waits);
    const refusedBy = waitUs > 1 ? waits.indexOf(waitUs) : -1;
    const debts = buckets.map(({ key, spentUs, debtUs }) => this.#owe(key, debtUs + (refusedBy === -1 ? spentUs : 0)));
    const counted = this.quotas === 'whole' ? 1 : 0;
    return [
      refusedBy,
      refusedBy === -1 ? 0 : waitUs,
      counted,
      ...debts,
      ...keys.slice(count).flatMap(() => [0, 0, 0, 0]),
    ];
  }

  #debtUs(key: string): number {
    return Math.max(0, (this.#fullAtUs.get(key) ?? 0) - this.#time.nowMs * 1000);
  }

  #owe(key: string, debtUs: number): number {
    this.#fullAtUs.set(key, this.#time.nowMs * 1000 + debtUs);
    return Math.max(0, debtUs);
  }
}

/** One gateway's limiter, composed as in src/limits/shared-limiter.ts. */
export function virtualGateway(
  time: VirtualTime,
  redis: VirtualRedis,
  changed: (state: string) => void,
): FallbackLimiter {
  const startMs = Date.parse('2026-11-24T12:00:00Z');
  const clock = { monotonicMs: () => time.nowMs, wallMs: () => startMs + time.nowMs };
  const ledger = new QuotaLedger({ clock });
  return new FallbackLimiter({
    shared: new RedisLimiter({ redis: redis.connection(), namespace: 'model', ledger, clock }),
    local: new LocalLimiter(new MemoryLimiter({ clock }), ledger),
    deadlines: time.deadlines(),
    defer: (callback) => {
      time.at(time.nowMs, callback);
    },
    ...{ clock, changed },
  });
}
