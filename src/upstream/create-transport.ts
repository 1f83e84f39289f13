// Creates the transport to a relay. The scheme of its URL determines the protocol version.
import type { Transport, TransportOptions } from './transport.ts';
import { createV1Transport } from './v1-transport.ts';

const creators: Readonly<Record<string, (options: TransportOptions) => Transport>> = {
  'ws:': createV1Transport,
  'wss:': createV1Transport,
};

/** Starts to connect at once, or when `connectWhen` resolves, and keeps trying until close(). */
export function createTransport(options: TransportOptions): Transport {
  // The parser of v1 rejects every other URL, and its message names the forms that are supported.
  const create = creators[URL.parse(options.url)?.protocol ?? ''] ?? createV1Transport;
  return create(options);
}

/**
 * Connects without a second attempt, and does not reconnect later. Throws PortalError: as
 * `connect()` of the relay's protocol, dial_aborted when `signal` aborts.
 */
export async function connectTransport(
  options: Omit<TransportOptions, 'once'>,
  signal: AbortSignal,
): Promise<Transport> {
  const transport = createTransport({ ...options, onceUntil: signal });
  try {
    await transport.ready(new AbortController().signal);
    return transport;
  } catch (error) {
    await transport.close();
    throw error;
  }
}
