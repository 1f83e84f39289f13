// A relay in this process with the demo app or another one on it: the other side of `start`.
import type { Server } from 'node:http';
import type { TestContext } from 'node:test';
import { createDemoApp } from '../../src/demo/demo-app.ts';
import { createCredential, RelayClient } from '../../src/portal/index.ts';
import { createRelay, type Relay } from '../../src/relay/relay.ts';

export interface StartedRelay {
  readonly relay: Relay;
  readonly url: string;
  readonly port: number;
}

export async function startRelay(t: TestContext): Promise<StartedRelay> {
  const relay = createRelay({ port: 0, identity: createCredential() });
  t.after(() => relay.close());
  return { relay, ...(await relay.listen()) };
}

/** Publishes the demo app on a relay without a separate process. Returns the id of its lease. */
export function publishDemo(t: TestContext, url: string, name: string, alpn = 'http/1.1'): Promise<string> {
  return publishApp(t, { url, name, alpn, app: createDemoApp() });
}

interface PublishedApp {
  /** Of the relay. */
  readonly url: string;
  readonly name: string;
  readonly alpn?: string;
  /** Need not listen: it gets the tunnels as connections. */
  readonly app: Server;
}

export async function publishApp(t: TestContext, { url, name, alpn = 'http/1.1', app }: PublishedApp): Promise<string> {
  const credential = createCredential();
  const { promise: published, resolve } = Promise.withResolvers<undefined>();
  const client = new RelayClient({
    url,
    credential,
    log: ({ type }) => {
      if (type === 'published') resolve(undefined);
    },
  });
  t.after(async () => {
    await client.close();
    app.closeAllConnections();
  });
  const tunnels = client.listen({ name, credential, alpn: [alpn] });
  void (async () => {
    for await (const tunnel of tunnels) app.emit('connection', tunnel);
  })();
  await published;
  return credential.id;
}
