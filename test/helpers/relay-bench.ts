// Our relay under test: on a free port, with its logged events and peers that are closed with it.
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { createCredential, type Credential } from '../../src/portal/identity.ts';
import { ResponseCode } from '../../src/portal/packets/packets.ts';
import type { RelayEvent } from '../../src/relay/relay-event.ts';
import type { RelayLimits } from '../../src/relay/relay-limits.ts';
import { createRelay, type Relay, type RelayOptions } from '../../src/relay/relay.ts';
import { RelayPeer, type TestStream } from './relay-peer.ts';

type EventOf<Name extends RelayEvent['event']> = Extract<RelayEvent, { event: Name }>;

export class RelayBench {
  readonly relay: Relay;
  readonly credential: Credential = createCredential();
  readonly events: RelayEvent[] = [];
  url = '';
  port = 0;
  readonly #peers: RelayPeer[] = [];
  #logged: PromiseWithResolvers<undefined> = Promise.withResolvers();

  constructor(options: Partial<RelayOptions>) {
    this.relay = createRelay({
      port: 0,
      identity: this.credential,
      log: (event) => {
        this.events.push(event);
        this.#logged.resolve(undefined);
        this.#logged = Promise.withResolvers();
      },
      ...options,
    });
  }

  async peer(credential?: Credential): Promise<RelayPeer> {
    const peer = await RelayPeer.connect(this.url, credential);
    this.#peers.push(peer);
    return peer;
  }

  /** The first matching event of that name, past or future. */
  async event<Name extends RelayEvent['event']>(
    name: Name,
    fits: (event: EventOf<Name>) => boolean = () => true,
  ): Promise<EventOf<Name>> {
    for (;;) {
      const found = this.events.find(
        (event): event is EventOf<Name> => event.event === name && fits(event as EventOf<Name>),
      );
      if (found !== undefined) return found;
      await this.#logged.promise;
    }
  }

  /** An app with a lease, a client, and a connection between them. */
  async joined(): Promise<{ app: RelayPeer; client: RelayPeer; atApp: TestStream; atClient: TestStream }> {
    const [app, client] = [await this.peer(), await this.peer()];
    await app.register({ name: 'joined' });
    const atClient = await client.dial(app.id);
    const atApp = await app.respond(1);
    await atClient.packet();
    return { app, client, atApp, atClient };
  }

  /** Checks that a new client reaches a new app through the relay. */
  async assertServing(message: Buffer = Buffer.from('ping')): Promise<void> {
    const [app, client] = [await this.peer(), await this.peer()];
    assert.equal(await app.register(), ResponseCode.ACCEPTED);
    const dialled = await client.dial(app.id);
    const atApp = await app.respond(ResponseCode.ACCEPTED);
    assert.equal(await dialled.code(), ResponseCode.ACCEPTED);
    dialled.write(message);
    assert.equal(message.equals(await atApp.read(message.length)), true);
    app.close();
    client.close();
  }

  async close(): Promise<void> {
    for (const peer of this.#peers) peer.close();
    await this.relay.close();
  }
}

export async function startRelay(
  t: TestContext,
  limits: Partial<RelayLimits> = {},
  options: Partial<RelayOptions> = {},
): Promise<RelayBench> {
  const bench = new RelayBench({ ...options, limits });
  ({ url: bench.url, port: bench.port } = await bench.relay.listen());
  t.after(() => bench.close());
  return bench;
}
