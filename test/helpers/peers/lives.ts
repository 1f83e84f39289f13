// Owns the count of what a measured process has made and not yet got rid of: sockets, requests, their answers, tunnels, timers. What
// somebody still holds, by a listener that was left behind or in any other way, is alive.
import { createHook } from 'node:async_hooks';
import { subscribe } from 'node:diagnostics_channel';

/** By kind. */
export type Lives = Readonly<Record<string, number>>;

const weakly = new Map<string, WeakRef<object>[]>();
const timers = new Set<number>();

export function born(kind: string, object: object): void {
  const all = weakly.get(kind) ?? [];
  all.push(new WeakRef(object));
  weakly.set(kind, all);
}

/** From now on. Node tells of each of them by itself. */
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
  // Those included that do not keep a process alive.
  createHook({
    init: (id, type) => {
      if (type === 'Timeout') timers.add(id);
    },
    destroy: (id) => timers.delete(id),
  }).enable();
}

/** `collectGarbage` is called first. */
export async function lives(collectGarbage: () => void): Promise<Lives> {
  // What a turn holds is free in the next one.
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
