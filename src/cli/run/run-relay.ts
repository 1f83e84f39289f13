// Implements `relay`: runs a relay in the foreground until it is asked to stop.
import { createCredential } from '../../portal/index.ts';
import { createRelay, type Relay } from '../../relay/relay.ts';
import { listenError } from '../../gateway/start-error.ts';
import { eventLine } from '../event-line.ts';
import type { CliContext } from '../context.ts';
import { aborted } from '../shutdown.ts';

export interface RelayCommandOptions {
  readonly host: string;
  readonly port: number;
  readonly json?: boolean;
}

/** Forwarded streams get this long to end; a second Ctrl-C ends them at once. */
const drainMs = 5_000;

export async function relay(
  { host, port, json }: RelayCommandOptions,
  { terminal, signal }: CliContext,
): Promise<void> {
  const relay = createRelay({
    host,
    port,
    // Relays report it in info responses, but no client depends on it, so each start creates a new
    // one.
    identity: createCredential(),
    log: (event) => {
      terminal.note(eventLine(event));
    },
  });
  const { url } = await listen(relay, host, port);
  terminal.result(json === true ? JSON.stringify({ url }) : url);
  await aborted(signal);
  await relay.drain(AbortSignal.timeout(drainMs));
}

async function listen(relay: Relay, host: string, port: number): Promise<{ url: string }> {
  try {
    return await relay.listen();
  } catch (error) {
    throw listenError(error, 'the relay', host, port);
  }
}
