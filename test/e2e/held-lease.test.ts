// A lease held by another relay client: its name under another identity, or the same identity in
// two processes.
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import {
  createCredential,
  type Credential,
  LeaseRejected,
  RelayClient,
  type RelayClientEvent,
} from '../../src/portal/index.ts';
import { createRelay } from '../../src/relay/relay.ts';
import { startRelay } from '../helpers/published-demo.ts';

type EventOf<Type extends RelayClientEvent['type']> = Extract<RelayClientEvent, { readonly type: Type }>;

interface Publisher {
  readonly client: RelayClient;
  readonly events: readonly RelayClientEvent[];
  /** Resolves with the `count`th event of the type. */
  readonly event: <Type extends RelayClientEvent['type']>(type: Type, count?: number) => Promise<EventOf<Type>>;
}

interface PublisherOptions {
  readonly name?: string;
  readonly credential?: Credential;
  /**
   * How much longer than 30 s each lease lasts, up to 14 s, so that the expiries of two processes
   * differ.
   */
  readonly aheadMs?: number;
  readonly handOver?: AbortSignal;
}

const renewEveryMs = 200;

function publisher(t: TestContext, url: string, options: PublisherOptions = {}): Publisher {
  const { name = 'app', credential = createCredential(), aheadMs = 0, handOver } = options;
  const events: RelayClientEvent[] = [];
  const waiting = new Set<() => void>();
  const client = new RelayClient({
    url,
    credential,
    renewEveryMs,
    reconnect: { initialMs: 20, maxMs: 100 },
    random: () => aheadMs / 15_000,
    log: (event) => {
      events.push(event);
      for (const look of waiting) look();
    },
  });
  t.after(() => client.close());
  client.listenPipes({ name, credential, alpn: ['http/1.1'], ...(handOver && { handOver }) });
  return {
    client,
    events,
    event: (type, count = 1) =>
      new Promise((resolve) => {
        const look = (): void => {
          const found = events.filter((event): event is EventOf<typeof type> => event.type === type)[count - 1];
          if (found === undefined) return;
          waiting.delete(look);
          resolve(found);
        };
        waiting.add(look);
        look();
      }),
  };
}

function holderOf({ error }: EventOf<'publish_failed'>): string | undefined {
  assert.ok(error instanceof LeaseRejected, error.message);
  return error.holder?.id;
}

for (const [names, other] of [
  ['the same name', 'taken'],
  ['a name that differs only in case', 'Taken'],
] as const) {
  test(`a rejected lease reports who holds ${names}, and is published when the holder leaves`, async (t) => {
    const { url } = await startRelay(t);
    const credential = createCredential();
    const holder = publisher(t, url, { name: 'taken', credential });
    await holder.event('published');
    const late = publisher(t, url, { name: other });
    const refused = await late.event('publish_failed');
    assert.equal(holderOf(refused), credential.id);
    assert.match(refused.error.message, new RegExp(`the lease ${credential.id} holds the name$`));
    await late.event('publish_failed', 3);
    await holder.client.close();
    await late.event('published');
  });
}

test('a lease rejected by a limit of the relay reports that no other identity holds the name', async (t) => {
  const relay = createRelay({ port: 0, identity: createCredential(), limits: { leases: 1 } });
  t.after(() => relay.close());
  const { url } = await relay.listen();
  await publisher(t, url, { name: 'first' }).event('published');
  const refused = await publisher(t, url, { name: 'second' }).event('publish_failed');
  assert.equal(holderOf(refused), undefined);
  assert.match(refused.error.message, /no other lease has the name, so a limit of the relay is reached$/);
});

test('two processes with one identity both report taking the lease from each other, and one alone does not', async (t) => {
  const [shared, alone] = [await startRelay(t), await startRelay(t)];
  const credential = createCredential();
  const first = publisher(t, shared.url, { credential });
  const second = publisher(t, shared.url, { credential, aheadMs: 10_000 });
  const third = publisher(t, alone.url, { credential });
  await third.event('published');
  const contested = async ({ event }: Publisher): Promise<number> => {
    const { leaseId, name, expiresAtMs } = await event('lease_contested');
    assert.deepEqual([leaseId, name], [credential.id, 'app']);
    return expiresAtMs - Date.now();
  };
  const [a, b] = await Promise.all([contested(first), contested(second)]);
  assert.ok(a > 35_000 && b < 35_000, 'each reports the expiry of the other');
  // The same number of further checks, which the third client makes as well.
  await Promise.all([first.event('lease_contested', 4), second.event('lease_contested', 4)]);
  assert.ok(third.events.every(({ type }) => type !== 'lease_contested'));
});

test('does not report a process that is being replaced', async (t) => {
  const { url } = await startRelay(t);
  const credential = createCredential();
  const handOver = new AbortController();
  const old = publisher(t, url, { credential, handOver: handOver.signal });
  await old.event('published');
  const next = publisher(t, url, { credential, aheadMs: 5_000 });
  await next.event('published');
  handOver.abort();
  await old.client.close();
  const alone = publisher(t, url, { name: 'other', credential: createCredential() });
  await alone.event('published');
  const other = publisher(t, url, { name: 'other', credential: createCredential() });
  await other.event('publish_failed', 12);
  for (const { events } of [old, next]) assert.ok(events.every(({ type }) => type !== 'lease_contested'));
});
