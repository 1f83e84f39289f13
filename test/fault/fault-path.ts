// The path for fault tests: relay, app and gateway in their own processes, how to bring them back,
// and a check that the survivors leak nothing.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import type { CommonSettings } from '../helpers/peers/parent.ts';
import { PeerProcess } from '../helpers/peer-process.ts';
import type { Lives } from '../helpers/peers/lives.ts';
import type { Failure, GatewaySettings } from '../helpers/peers/gateway.ts';
import { key } from '../helpers/policy.ts';
import type { RelayReady } from '../helpers/process-path.ts';

export type FaultSettings = Pick<GatewaySettings, 'graceMs' | 'keepalive' | 'pool'>;

const reconnect = { initialMs: 20, maxMs: 50 };
/** Each exchange uses its own tunnel, and none stays idle in the pool. */
const pool = { maxIdle: 0 };
const watching: CommonSettings = { watchLives: true };
const identity = 'of the app';
const maxSettlingMs = 30_000;

type Role = 'relay' | 'app' | 'gateway';
const roles: readonly Role[] = ['relay', 'app', 'gateway'];

/** The kinds of objects that live only as long as requests. */
const ofRequests = ['request', 'response', 'tunnel'];

/** Resource counts of a process before the fault. */
export interface Before {
  readonly role: Role;
  readonly peer: PeerProcess<unknown>;
  readonly counts: Lives;
}

export class FaultPath {
  relay: PeerProcess<RelayReady>;
  app: PeerProcess<object>;
  readonly gateway: PeerProcess<{ readonly port: number }>;
  readonly #t: TestContext;
  readonly #settings: FaultSettings;

  private constructor(
    t: TestContext,
    settings: FaultSettings,
    relay: PeerProcess<RelayReady>,
    app: PeerProcess<object>,
    gateway: PeerProcess<{ readonly port: number }>,
  ) {
    this.#t = t;
    this.#settings = settings;
    this.relay = relay;
    this.app = app;
    this.gateway = gateway;
  }

  static async start(t: TestContext, settings: FaultSettings = {}): Promise<FaultPath> {
    const relay = await PeerProcess.start<RelayReady>(t, 'relay', watching);
    const common = { ...watching, relayUrl: relay.ready.url, reconnect };
    const [app, gateway] = await Promise.all([
      PeerProcess.start<object>(t, 'point-app', { identity, ...settings, ...common }),
      PeerProcess.start<{ port: number }>(t, 'gateway', { pool, ...settings, ...common }),
    ]);
    return new FaultPath(t, settings, relay, app, gateway);
  }

  get port(): number {
    return this.gateway.ready.port;
  }

  /**
   * Sends a small request: `200 plain`, or a status and a code. Its response arrives after all data
   * already in transit.
   */
  async plain(lease: string): Promise<string> {
    const path = `/peer/${lease}/plain`;
    const outgoing = request({ port: this.port, path, agent: false, headers: { 'x-api-key': key } });
    outgoing.end();
    const [message] = (await once(outgoing, 'response')) as [IncomingMessage];
    const body = await text(message);
    return message.statusCode === 200
      ? `200 ${body}`
      : `${String(message.statusCode)} ${(JSON.parse(body) as { code: string }).code}`;
  }

  /** The error codes reported for each request since the last call. */
  async failures(): Promise<ReadonlyMap<string, string>> {
    const codes = new Map<string, string>();
    for (const { requestId, code } of await this.gateway.ask<readonly Failure[]>('failures')) {
      const before = codes.get(requestId);
      codes.set(requestId, before === undefined ? code : `${before} ${code}`);
    }
    return codes;
  }

  /** Number of tunnels that the gateway holds. */
  async tunnels(): Promise<number> {
    return (await this.gateway.ask<Lives>('lives'))['tunnel'] ?? 0;
  }

  /** Restarts the app with the same identity. */
  async restartApp(): Promise<void> {
    const settings = { ...watching, ...this.#settings, relayUrl: this.relay.ready.url, identity, reconnect };
    this.app = await PeerProcess.start<object>(this.#t, 'point-app', settings);
  }

  async restartRelay(): Promise<void> {
    const { port } = this.relay.ready;
    this.relay = await PeerProcess.start<RelayReady>(this.#t, 'relay', { ...watching, port });
  }

  /** Brings the relay back, and waits until gateway and app have reconnected. */
  async reunited(comeBack: () => void | Promise<void>): Promise<void> {
    const up = Promise.all([
      this.gateway.event('up'),
      this.app.event('published raw'),
      this.app.event('published app'),
    ]);
    await comeBack();
    await up;
  }

  /** Counts once nothing of the earlier requests is left. */
  before(): Promise<readonly Before[]> {
    return Promise.all(
      roles.map(async (role): Promise<Before> => {
        const peer: PeerProcess<unknown> = this[role];
        let counts = await countsOf(peer);
        while (ofRequests.some((kind) => (counts[kind] ?? 0) > 0)) counts = await countsOf(peer);
        return { role, peer, counts };
      }),
    );
  }

  /** Asserts that no surviving process holds more of anything than before. */
  async checkNothingLeft(before: readonly Before[]): Promise<void> {
    const survivors = before.filter(({ peer, role }) => this[role] === peer);
    await Promise.all(
      survivors.map(async ({ role, peer, counts }) => {
        const startMs = performance.now();
        for (;;) {
          const now = Object.entries(await countsOf(peer));
          const more = now.filter(([kind, count]) => count > (counts[kind] ?? 0));
          if (more.length === 0) break;
          const list = more.map(([kind, count]) => `${count} ${kind} instead of ${counts[kind] ?? 0}`).join(', ');
          assert.ok(performance.now() - startMs < maxSettlingMs, `left in the ${role}: ${list}`);
        }
        assert.deepEqual((await peer.report()).warnings, []);
      }),
    );
  }
}

/** Counts the resources that keep the process alive and the objects in its memory. */
async function countsOf(peer: PeerProcess<unknown>): Promise<Lives> {
  const { resources } = await peer.report();
  return { ...resources, ...(await peer.ask<Lives>('lives')) };
}
