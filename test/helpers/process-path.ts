// The whole path as three processes (relay, app with its expose, gateway), and client calls through
// it.
import { once } from 'node:events';
import { Agent, request, type ClientRequest, type IncomingMessage } from 'node:http';
import type { TestContext } from 'node:test';
import { key } from './policy.ts';
import { PeerProcess } from './peer-process.ts';
import type { AppSettings } from './peers/app.ts';
import type { GatewaySettings } from './peers/gateway.ts';
import type { RelaySettings } from './peers/relay.ts';

export interface RelayReady {
  readonly url: string;
  readonly port: number;
}

interface Options {
  readonly relay?: RelaySettings;
  readonly app?: Partial<AppSettings>;
  readonly gateway?: Partial<GatewaySettings>;
}

export interface Call {
  readonly outgoing: ClientRequest;
  /** Resolves with the head; the caller reads the body. */
  readonly response: Promise<IncomingMessage>;
}

export class ProcessPath {
  relay: PeerProcess<RelayReady>;
  readonly app: PeerProcess<{ readonly leaseId: string }>;
  readonly gateway: PeerProcess<{ readonly port: number }>;
  readonly #agent: Agent;

  private constructor(
    relay: PeerProcess<RelayReady>,
    app: PeerProcess<{ leaseId: string }>,
    gateway: PeerProcess<{ port: number }>,
    agent: Agent,
  ) {
    this.relay = relay;
    this.app = app;
    this.gateway = gateway;
    this.#agent = agent;
  }

  static async start(t: Pick<TestContext, 'after'>, options: Options = {}): Promise<ProcessPath> {
    const agent = new Agent({ keepAlive: false });
    t.after(() => {
      agent.destroy();
    });
    const relay = await PeerProcess.start<RelayReady>(t, 'relay', options.relay ?? {});
    const relayUrl = relay.ready.url;
    const [app, gateway] = await Promise.all([
      PeerProcess.start<{ leaseId: string }>(t, 'app', { ...options.app, relayUrl }),
      PeerProcess.start<{ port: number }>(t, 'gateway', { ...options.gateway, relayUrl }),
    ]);
    return new ProcessPath(relay, app, gateway, agent);
  }

  get all(): readonly PeerProcess<unknown>[] {
    return [this.relay, this.app, this.gateway];
  }

  /** Sends a request on a connection of its own. For POST, the caller writes the body. */
  call(path: string, method: 'GET' | 'POST' = 'GET', headers: Record<string, string | number> = {}): Call {
    const outgoing = request({
      host: '127.0.0.1',
      port: this.gateway.ready.port,
      path: `/peer/app${path}`,
      method,
      agent: this.#agent,
      headers: { 'x-api-key': key, ...headers },
    });
    const response = once(outgoing, 'response').then(([message]) => message as IncomingMessage);
    // The test detects a truncated response itself; the request emits the same error.
    response.catch(() => undefined);
    outgoing.on('error', () => undefined);
    if (method === 'GET') outgoing.end();
    return { outgoing, response: response };
  }
}
