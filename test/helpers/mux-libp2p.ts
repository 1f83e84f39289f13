// Adapts a carrier to @libp2p/yamux: implements the few members of a libp2p connection that its
// muxer uses.
import { yamux } from '@libp2p/yamux';
import type { Carrier } from '../../src/portal/websocket/carrier.ts';

type Factory = ReturnType<ReturnType<typeof yamux>>;
type Connection = Parameters<Factory['createStreamMuxer']>[0];
export type Libp2pMuxer = ReturnType<Factory['createStreamMuxer']>;
export type Libp2pStream = Awaited<ReturnType<Libp2pMuxer['createStream']>>;

interface Logger {
  (): void;
  trace: () => void;
  error: () => void;
  newScope: () => Logger;
}

const silent: Logger = Object.assign(() => undefined, {
  trace: () => undefined,
  error: () => undefined,
  newScope: (): Logger => silent,
});

class CarrierConnection extends EventTarget {
  readonly log = silent;
  readonly direction: 'inbound' | 'outbound';
  readonly #carrier: Carrier;

  constructor(carrier: Carrier, direction: 'inbound' | 'outbound') {
    super();
    this.direction = direction;
    this.#carrier = carrier;
    carrier.setHandler({
      data: (chunk) => this.dispatchEvent(Object.assign(new Event('message'), { data: chunk })),
      drain: () => this.dispatchEvent(new Event('drain')),
      close: () => this.dispatchEvent(new Event('close')),
    });
  }

  send(data: { subarray(): Uint8Array }): boolean {
    const bytes = data.subarray();
    return this.#carrier.send([bytes], bytes.length);
  }

  abort(): void {
    this.#carrier.close();
  }
}

export function libp2pMuxer(carrier: Carrier, role: 'client' | 'server'): Libp2pMuxer {
  const connection = new CarrierConnection(carrier, role === 'client' ? 'outbound' : 'inbound');
  return yamux({ enableKeepAlive: false })().createStreamMuxer(connection as unknown as Connection);
}

/** Reads everything until the other side ends the stream. */
export async function readAll(stream: Libp2pStream): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  stream.addEventListener('message', (event) => chunks.push(event.data.subarray()));
  await new Promise<void>((resolve, reject) => {
    stream.addEventListener('remoteCloseWrite', () => {
      resolve();
    });
    stream.addEventListener('close', (event) => {
      reject(event.error ?? new Error('closed before its end'));
    });
  });
  return Buffer.concat(chunks);
}
