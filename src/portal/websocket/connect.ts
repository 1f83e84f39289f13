// Opens the websocket to a relay: one attempt with a timeout, which gives a carrier or an error
// with the problem, the place and the remedy. Does not retry.
import type { IncomingMessage } from 'node:http';
import { connect as connectTcp } from 'node:net';
import type { OnReadOpts, Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ConnectionOptions as TlsOptions } from 'node:tls';
import { WebSocket } from 'ws';
import { serverNameOf } from '../../kernel/net/ip.ts';
import { ignore } from '../../kernel/ignore.ts';
import type { PortalError } from '../errors.ts';
import type { Carrier } from './carrier.ts';
import { aborted, connectFailure, refusedUpgrade, timedOut } from './connect-failure.ts';
import type { ConnectPhase } from './connect-failure.ts';
import { LentReads } from './lent-reads.ts';
import { type DateReceiver, dateSample } from './relay-date.ts';
import { parseRelayUrl } from './relay-url.ts';
import type { RelayUrl } from './relay-url.ts';
import { acceptCarrier, defaultMaxMessageBytes, websocketOptions } from './websocket-carrier.ts';
import type { CarrierOptions } from './websocket-carrier.ts';

export interface ConnectOptions extends CarrierOptions {
  readonly signal: AbortSignal;
  /** PEM certificates trusted instead of the built-in ones. Verification cannot be disabled. */
  readonly ca?: string | Buffer | (string | Buffer)[] | undefined;
  /** From the DNS lookup to the open websocket. */
  readonly handshakeTimeoutMs?: number;
  /** The largest websocket message accepted. Limits the memory that a hostile relay can use. */
  readonly maxMessageBytes?: number;
  /** Receives the Date of the upgrade response, if it has one, before the websocket is open. */
  readonly dates?: DateReceiver;
}

const defaultHandshakeTimeoutMs = 15_000;

/**
 * Throws PortalError: bad_relay_url, relay_unreachable, relay_tls, not_a_relay, connect_timeout,
 * dial_aborted.
 */
export async function connectCarrier(url: string, options: ConnectOptions): Promise<Carrier> {
  const relay = parseRelayUrl(url);
  const { signal, handshakeTimeoutMs: timeoutMs = defaultHandshakeTimeoutMs } = options;
  if (signal.aborted) throw aborted(relay, signal);
  return new Promise<Carrier>((resolve, reject) => {
    let phase: ConnectPhase = 'tcp';
    const { dates } = options;
    let sentAtMs = dates?.monotonicMs() ?? 0;
    const reads = new LentReads();
    const socket = openSocket(relay, options.ca, reads.onread, (reached) => {
      phase = reached;
      sentAtMs = dates?.monotonicMs() ?? 0;
    });
    reads.leaveTo(socket);
    const ws = new WebSocket(relay.url, {
      ...websocketOptions,
      maxPayload: options.maxMessageBytes ?? defaultMaxMessageBytes,
      createConnection: () => socket,
    });
    const settle = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      ws.removeAllListeners();
    };
    const fail = (error: PortalError): void => {
      settle();
      ws.on('error', ignore); // terminate() before the websocket is open emits an error
      ws.terminate();
      socket.destroy();
      reject(error);
    };
    const onAbort = (): void => {
      fail(aborted(relay, signal));
    };
    const timer = setTimeout(() => {
      fail(timedOut(relay, phase, timeoutMs));
    }, timeoutMs);
    signal.addEventListener('abort', onAbort, { once: true });
    ws.once('upgrade', ({ headers }: IncomingMessage) => {
      phase = 'upgrade';
      if (dates === undefined) return;
      const sample = dateSample(headers, sentAtMs, dates.monotonicMs());
      if (sample !== undefined) dates.take(sample);
    });
    ws.once('unexpected-response', (_request, response: IncomingMessage) => {
      fail(refusedUpgrade(relay, response));
    });
    ws.once('error', (error) => {
      fail(connectFailure(relay, phase, error));
    });
    ws.once('open', () => {
      settle();
      resolve(acceptCarrier(ws, socket, { ...options, reads, remote: relay.url.host }));
    });
  });
}

/**
 * Creates the socket under the websocket, so that the carrier can cork it, see its queued bytes,
 * and read it.
 */
function openSocket(
  relay: RelayUrl,
  ca: ConnectOptions['ca'],
  onread: OnReadOpts,
  reached: (phase: ConnectPhase) => void,
): Socket {
  const { host, port } = relay;
  if (!relay.secure) {
    return connectTcp({ host, port, onread }, () => {
      reached('http');
    });
  }
  // Documented by Node but missing in its types.
  const options: TlsOptions & { readonly onread: OnReadOpts } = {
    onread,
    host,
    port,
    servername: serverNameOf(host),
    ALPNProtocols: ['http/1.1'],
    ...(ca !== undefined && { ca }),
  };
  const socket = connectTls(options);
  socket.once('connect', () => {
    reached('tls');
  });
  socket.once('secureConnect', () => {
    reached('http');
  });
  return socket;
}
