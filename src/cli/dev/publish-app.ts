// Publishes the app of `dev` for its own gateway only, as `expose --allow-client` does in a process
// of its own.
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createDemoApp } from '../../demo/demo-app.ts';
import { parseTarget, type Target } from '../../expose/app/target.ts';
import { Bridge } from '../../expose/bridge.ts';
import { publish } from '../../expose/publish.ts';
import { type Credential, RelayClient } from '../../portal/index.ts';
import { ExposeNotes } from '../expose/expose-notes.ts';
import { exposeOutput, lostLine } from '../expose/expose-output.ts';
import { ignore } from '../../kernel/ignore.ts';
import type { QueuedTerminal, Terminal } from '../terminal.ts';

/** The relay, and the only client that it may connect. */
export interface AppPath {
  readonly relay: string;
  /** CA certificates for the relay. */
  readonly ca?: string;
  readonly gateway: Credential;
  /** Of the app: its id is the lease id. */
  readonly credential: Credential;
}

export interface App {
  readonly name: string;
  readonly description: string;
  readonly target: Target;
}

/** Starts the demo app, on any free port. */
export async function startDemo(parts: AsyncDisposableStack, host: string, path: AppPath): Promise<Target> {
  const { gateway, relay, credential } = path;
  const app = createDemoApp({ gatewayId: gateway.id, relay, leaseId: credential.id });
  app.listen(0, host);
  await once(app, 'listening');
  parts.defer(() => {
    app.closeAllConnections();
    app.close();
  });
  return parseTarget(`${host}:${(app.address() as AddressInfo).port}`);
}

/**
 * Resolves once the relay lists the app, which need not be listening yet. Rejects when that cannot
 * succeed, or when `signal` aborts. Returns a function that prints a line between those of the app,
 * without blocking.
 */
export async function publishApp(
  parts: AsyncDisposableStack,
  { name, description, target }: App,
  path: AppPath,
  { terminal, signal }: { readonly terminal: Terminal; readonly signal: AbortSignal },
): Promise<(line: string) => void> {
  const { relay: url, ca, gateway, credential } = path;
  // Lines must not hold requests, so that they are queued.
  const queued = terminal.queued((lines) => {
    output.line(lostLine(lines));
  });
  const output = exposeOutput(quiet(queued), {});
  parts.defer(async () => {
    output.close();
    await queued.close();
  });
  const notes = new ExposeNotes(output, { target, servers: 'Only this gateway serves it' });
  const bridge = new Bridge({ target, log: notes.exposeEvent, requests: output.requests });
  parts.defer(() => bridge.close());
  const { promise: published, resolve, reject } = Promise.withResolvers<undefined>();
  const relay = new RelayClient({
    ...{ url, credential, ...(ca !== undefined && { ca }) },
    log: (event) => {
      notes.relayEvent(event);
      if (event.type === 'published') resolve(undefined);
    },
  });
  parts.defer(() => relay.close());
  const stop = new AbortController();
  const offer = { name, credential, description, allowClients: [gateway.id] };
  const publishing = publish(offer, [relay], bridge, { signal: stop.signal });
  parts.defer(async () => {
    stop.abort();
    await publishing;
  });
  signal.addEventListener('abort', () => {
    reject(signal.reason as Error);
  });
  await Promise.race([published, notes.hopeless, publishing]);
  return (line) => {
    queued.note(line);
  };
}

/** stdout has the results of `dev`, not those of `expose`. */
function quiet(terminal: Terminal): Pick<QueuedTerminal, 'bothWatched' | 'result' | 'note'> {
  return {
    bothWatched: false,
    result: ignore,
    note: (line) => {
      terminal.note(line);
    },
  };
}
