// Implements `expose`: publishes one local app on one or more relays until the process is asked to
// stop.
import type { AssertionGate } from '../../expose/assertions/assertion-gate.ts';
import type { AssertionSource } from '../../expose/assertions/assertion-source.ts';
import { Bridge, defaultMaxTunnels } from '../../expose/bridge.ts';
import type { HostHeader } from '../../expose/request/host-header.ts';
import { leaseNameFault } from '../../expose/lease-name-fault.ts';
import { publish } from '../../expose/publish.ts';
import type { ExposeEvent } from '../../expose/expose-event.ts';
import type { Target } from '../../expose/app/target.ts';
import { TargetWatch } from '../../expose/app/target-watch.ts';
import { systemClock } from '../../kernel/clock.ts';
import { processText } from '../../kernel/files/process-record.ts';
import { RelayClient, type RelayClientEvent, WindowBudget } from '../../portal/index.ts';
import { ExposeIdentity, type IdentityOptions } from '../expose/expose-identity.ts';
import { ExposeNotes } from '../expose/expose-notes.ts';
import { exposeOutput, type ExposeOutput, type ExposeOutputOptions, lostLine } from '../expose/expose-output.ts';
import { usageFault } from '../fault.ts';
import { distinctRelays } from '../options.ts';
import { trusted } from './relay-trust.ts';
import type { CliContext } from '../context.ts';
import { aborted, isInterrupt } from '../shutdown.ts';

export interface ExposeOptions extends IdentityOptions, ExposeOutputOptions {
  readonly relay?: readonly string[];
  readonly caFile?: string;
  readonly allowClient?: readonly string[];
  readonly hostHeader: HostHeader;
  readonly description?: string;
  readonly maxTunnels?: number;
  readonly requireAssertion?: AssertionSource;
}

/** Requests in flight get this long; a second Ctrl-C ends them at once. */
const drainMs = 5_000;
/** The total by which the receive windows of all tunnels may grow. */
const windowBudgetBytes = 268_435_456;
/** The default limit of streams that a relay may open. */
const minInboundStreams = 16_384;

export async function expose(target: Target, options: ExposeOptions, context: CliContext): Promise<void> {
  const fault = leaseNameFault(options.name);
  if (fault !== undefined) throw usageFault(`--name cannot be published: ${fault}`);
  // Lines must not hold requests, so that they are queued.
  const terminal = context.terminal.queued((lines) => {
    output.line(lostLine(lines));
  });
  const output = exposeOutput(terminal, options);
  try {
    await publishUntilStopped(target, options, context, output);
  } finally {
    output.close();
    await terminal.close();
  }
}

async function publishUntilStopped(
  target: Target,
  options: ExposeOptions,
  context: CliContext,
  output: ExposeOutput,
): Promise<void> {
  const { name, description } = options;
  const urls = distinctRelays(options.relay ?? [context.environment().relayUrl]);
  const trust = await trusted(options.caFile, urls);
  const identity = await ExposeIdentity.open(options, context, output);
  const { credential } = identity;

  const notes = new ExposeNotes(output, { target, servers: serversOf(options) });
  const watch = new TargetWatch(target, { lost: notes.targetLost, returned: notes.targetReturned }, systemClock);
  const log = (event: ExposeEvent): void => {
    notes.exposeEvent(event);
    if (event.type === 'target_failed' && event.failure === 'unreachable') watch.suspect();
  };
  const { requireAssertion: source, hostHeader, maxTunnels } = options;
  const gate = source && (await gateFor(source, credential.id, log));
  // Try to load the keys of assertions before publishing. If that fails, requests are rejected
  // until a later attempt succeeds.
  await gate?.look();
  const bridge = new Bridge({ target, hostHeader, maxTunnels, log, gate, requests: output.requests });
  const relays: RelayClient[] = [];
  const stop = new AbortController();
  const handOver = new AbortController();
  const offer = {
    name,
    credential,
    allowClients: options.allowClient ?? [],
    ...(description !== undefined && { description }),
  };
  try {
    const windowBudget = new WindowBudget(windowBudgetBytes);
    const relayLog = (event: RelayClientEvent): void => {
      notes.relayEvent(event);
      if (event.type === 'published') identity.publishedOn(event.relay, urls);
    };
    const session = { credential, windowBudget, ...trust, maxInboundStreams: streamsFor(maxTunnels), log: relayLog };
    for (const url of urls) relays.push(new RelayClient({ url, ...session }));
    // Publishing does not wait for the app, which may start later.
    watch.start();
    const publishing = publish(offer, relays, bridge, { signal: stop.signal, handOver: handOver.signal });
    const successor = await Promise.race([aborted(context.signal), notes.hopeless, publishing, identity.drainRequest]);
    // Ctrl-C comes from a person who waits, so it skips the drain. SIGTERM may be part of a rolling
    // restart in which another process takes over the lease.
    if (successor !== undefined || !isInterrupt(context.signal)) {
      const text = notes.hasPublished
        ? drainNote(successor === undefined ? undefined : processText(successor))
        : 'Stopping. The app was not published.';
      output.line({ event: 'stopping', level: 'info', text });
      bridge.drain();
      handOver.abort();
      await Promise.race(successor === undefined ? [publishing] : [publishing, aborted(context.signal)]);
    }
    stop.abort();
    await publishing;
    await bridge.close(drainMs);
  } finally {
    watch.close();
    gate?.close();
    await bridge.close();
    await Promise.all(relays.map((relay) => relay.close()));
    await identity.release();
  }
}

/** Per relay: each tunnel is a stream, also a tunnel that is about to be rejected. */
function streamsFor(maxTunnels = defaultMaxTunnels): number {
  return Math.max(minInboundStreams, 2 * maxTunnels);
}

function serversOf({ allowClient = [] }: ExposeOptions): string {
  return allowClient.length === 0
    ? 'Gateways on this relay serve it'
    : 'Only gateways that --allow-client lists serve it';
}

function drainNote(successor: string | undefined): string {
  return successor === undefined
    ? 'Stopping. Requests are served until another process publishes the app, for at most 12 s.'
    : `Another expose (${successor}) takes over. Requests are served until it holds the lease, for at most 12 s.`;
}

/** Loads what verifies assertions only when it is used. */
async function gateFor(
  source: AssertionSource,
  leaseId: string,
  log: (event: ExposeEvent) => void,
): Promise<AssertionGate> {
  const { AssertionGate } = await import('../../expose/assertions/assertion-gate.ts');
  return new AssertionGate(source, leaseId, log);
}
