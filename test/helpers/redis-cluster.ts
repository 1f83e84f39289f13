// A real Redis cluster on loopback, with one process per node, whose slots can be moved step by
// step.
import assert from 'node:assert/strict';
import { setTimeout } from 'node:timers/promises';
import type { TestContext } from 'node:test';
import { createClient } from '@redis/client';
import { freePort } from './free-port.ts';
import { RedisServer } from './redis-server.ts';

export class ClusterNode {
  readonly server: RedisServer;
  #port = '';
  #busPort = '';

  private constructor(server: RedisServer) {
    this.server = server;
  }

  static async start(t: TestContext): Promise<ClusterNode> {
    const node = new ClusterNode(await RedisServer.start(t));
    for (let tries = 1; ; tries += 1) {
      [node.#port, node.#busPort] = [String(await freePort()), String(await freePort())];
      try {
        await node.restart();
        return node;
      } catch (error) {
        // Another program may have taken a port in the meantime.
        if (tries === 5) throw error;
      }
    }
  }

  get url(): string {
    return `redis://127.0.0.1:${this.#port}`;
  }

  get port(): string {
    return this.#port;
  }

  get busPort(): string {
    return this.#busPort;
  }

  /** Restarts it without its data, but with its cluster configuration. */
  async restart(): Promise<void> {
    await this.server.kill();
    const ports = ['--bind', '127.0.0.1', '--port', this.#port, '--cluster-port', this.#busPort];
    await this.server.restart(...ports, '--cluster-enabled', 'yes', '--cluster-require-full-coverage', 'no');
  }

  /** Runs a command on this node, whatever its role in the cluster. */
  async admin(...command: string[]): Promise<unknown> {
    const path = this.server.url.slice('unix://'.length);
    const client = createClient({ socket: { tls: false, path } });
    client.on('error', () => undefined);
    await client.connect();
    try {
      return await client.sendCommand(command);
    } finally {
      client.destroy();
    }
  }

  async id(): Promise<string> {
    return String(await this.admin('CLUSTER', 'MYID'));
  }
}

export interface RedisCluster {
  readonly nodes: readonly ClusterNode[];
  ownerOf(key: string): Promise<ClusterNode>;
  /** A node that does not own the slot of the key. */
  otherThan(owner: ClusterNode): ClusterNode;
  /** Starts to move the slot of `key`. */
  move(key: string, from: ClusterNode, to: ClusterNode): Promise<SlotMove>;
}

export interface SlotMove {
  /** Moves those of the keys that the source holds. */
  moveKeys(...keys: string[]): Promise<void>;
  finish(): Promise<void>;
}

/** Each node owns an equal share of the slots. Resolves when every node knows all slots. */
export async function startCluster(t: TestContext, count = 3): Promise<RedisCluster> {
  const nodes: ClusterNode[] = [];
  for (let i = 0; i < count; i += 1) nodes.push(await ClusterNode.start(t));
  const [first = assert.fail()] = nodes;
  for (const [i, node] of nodes.entries()) {
    const [from, to] = [Math.floor((16_384 * i) / count), Math.floor((16_384 * (i + 1)) / count) - 1];
    await node.admin('CLUSTER', 'ADDSLOTSRANGE', String(from), String(to));
    await node.admin('CLUSTER', 'SET-CONFIG-EPOCH', String(i + 1));
    if (node !== first) await first.admin('CLUSTER', 'MEET', '127.0.0.1', node.port, node.busPort);
  }
  for (const node of nodes) await untilKnown(t, node);
  const slotOf = async (key: string): Promise<string> => String(await first.admin('CLUSTER', 'KEYSLOT', key));
  return {
    nodes,
    ownerOf: async (key) => {
      const slot = Number(await slotOf(key));
      return nodes[Math.floor(((slot + 1) * count - 1) / 16_384)] ?? assert.fail();
    },
    otherThan: (owner) => nodes.find((node) => node !== owner) ?? assert.fail(),
    move: async (key, from, to) => {
      const slot = await slotOf(key);
      const [fromId, toId] = [await from.id(), await to.id()];
      await to.admin('CLUSTER', 'SETSLOT', slot, 'IMPORTING', fromId);
      await from.admin('CLUSTER', 'SETSLOT', slot, 'MIGRATING', toId);
      return {
        moveKeys: async (...keys) => {
          await from.admin('MIGRATE', '127.0.0.1', to.port, '', '0', '10000', 'KEYS', ...keys);
        },
        finish: async () => {
          for (const node of [to, from]) await node.admin('CLUSTER', 'SETSLOT', slot, 'NODE', toId);
        },
      };
    },
  };
}

/** Waits until the node knows all slots, which takes rounds of gossip. */
async function untilKnown(t: TestContext, node: ClusterNode): Promise<void> {
  while (!/cluster_state:ok[^]*cluster_slots_assigned:16384/.test(String(await node.admin('CLUSTER', 'INFO')))) {
    t.signal.throwIfAborted();
    await setTimeout(10);
  }
}
