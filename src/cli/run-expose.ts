// Owns `expose`: one local app, published on one or more relays until it is asked to stop, with a line for what people need to
// know in between.
import { exposeIdentityPath } from '../config/state-directory.ts';
import { AssertionGate, type AssertionSource } from '../expose/assertion-gate.ts';
import { Bridge } from '../expose/bridge.ts';
import type { HostHeader } from '../expose/host-header.ts';
import { leaseNameFault } from '../expose/lease-name.ts';
import { publish } from '../expose/publish.ts';
import type { Target } from '../expose/target.ts';
import { loadOrCreateIdentity } from '../portal/identity-file.ts';
import { RelayClient, WindowBudget } from '../portal/index.ts';
import { ExposeNotes } from './expose-notes.ts';
import { usageFault } from './fault.ts';
import { distinctRelays } from './options.ts';
import type { CliContext } from './context.ts';
import { aborted } from './shutdown.ts';

export interface ExposeOptions {
  readonly name: string;
  readonly relay?: readonly string[];
  readonly allowClient?: readonly string[];
  readonly identity?: string;
  readonly hostHeader: HostHeader;
  readonly description?: string;
  readonly requireAssertion?: AssertionSource;
}

/** Requests in flight get this long; a second Ctrl-C ends them at once. */
const drainMs = 5_000;
/** What the receive windows of all tunnels may grow by together. */
const windowBudgetBytes = 268_435_456;

export async function expose(target: Target, options: ExposeOptions, context: CliContext): Promise<void> {
  const { name, description } = options;
  const fault = leaseNameFault(name);
  if (fault !== undefined) throw usageFault(`--name can't be published: ${fault}`);
  const environment = context.environment();
  const urls = distinctRelays(options.relay ?? [environment.relayUrl]);
  const credential = await loadOrCreateIdentity(
    options.identity ?? exposeIdentityPath(environment.stateDirectory, name),
  );

  const notes = new ExposeNotes(context.terminal, target);
  const { requireAssertion: source } = options;
  const gate = source && new AssertionGate(source, credential.id, notes.exposeEvent);
  // Known or not: until they are, no request passes.
  await gate?.look();
  const bridge = new Bridge({ target, hostHeader: options.hostHeader, log: notes.exposeEvent, gate });
  const relays: RelayClient[] = [];
  const stop = new AbortController();
  const offer = {
    name,
    credential,
    allowClients: options.allowClient ?? [],
    ...(description !== undefined && { description }),
  };
  try {
    const windowBudget = new WindowBudget(windowBudgetBytes);
    for (const url of urls) relays.push(new RelayClient({ url, credential, windowBudget, log: notes.relayEvent }));
    const publishing = publish(offer, relays, bridge, stop.signal);
    await Promise.race([aborted(context.signal), notes.hopeless, publishing]);
    stop.abort();
    await publishing;
    await bridge.close(drainMs);
  } finally {
    gate?.close();
    await bridge.close();
    await Promise.all(relays.map((relay) => relay.close()));
  }
}
