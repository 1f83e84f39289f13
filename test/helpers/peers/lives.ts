// Counts the live objects of a measured process: sockets, requests, responses, tunnels, timers. An
// object that is still referenced, for example by a leftover listener, counts as live.
import { createHook } from 'node:async_hooks';
import { subscribe } from 'node:diagnostics_channel';

/** Counts by kind. */
export type Lives = Readonly<Record<string, number>>;

const weakly = new Map<string, WeakRef<object>[]>();
const timers = new Set<number>();

export function born(kind: string, object: object): void {
  const all = weakly.get(kind) ?? [];
  all.push(new WeakRef(object));
  weakly.set(kind, all);
}

/** Starts counting. Node reports these objects through diagnostics channels. */
export function watchLives(): void {
  const channels: readonly [channel: string, kinds: readonly string[]][] = [
    ['net.client.socket', ['socket']],
    ['net.server.socket', ['socket']],
    ['http.client.request.start', ['request']],
    ['http.server.request.start', ['request', 'response']],
  ];
  for (const [channel, kinds] of channels) {
    subscribe(channel, (message) => {
      for (const kind of kinds) born(kind, (message as Readonly<Record<string, object>>)[kind] ?? {});
    });
  }
  // Includes timers that do not keep the process alive.
  createHook({
    init: (id, type) => {
      if (type === 'Timeout') timers.add(id);
    },
    destroy: (id) => timers.delete(id),
  }).enable();
}

/** Calls `collectGarbage` before counting. */
export async function lives(collectGarbage: () => void): Promise<Lives> {
  // Objects held by the current turn become collectable in the next one.
  for (let turn = 0; turn < 2; turn += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    collectGarbage();
  }
  const counts: Record<string, number> = { timer: timers.size };
  for (const [kind, all] of weakly) {
    const alive = all.filter((ref) => ref.deref() !== undefined);
    weakly.set(kind, alive);
    counts[kind] = alive.length;
  }
  return counts;
}
