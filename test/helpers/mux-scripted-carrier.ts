// A carrier whose other end is the test, which feeds bytes in and reads what is sent.
import type { Carrier, CarrierHandler } from '../../src/portal/websocket/carrier.ts';
import type { PortalError } from '../../src/portal/errors.ts';

export class ScriptedCarrier implements Carrier {
  readonly remote = 'script:0';
  readonly bufferedBytes = 0;
  /** Sent since the last take(). */
  #sent: Uint8Array[] = [];
  #handler: CarrierHandler | undefined;
  #blocked = false;
  closed = false;
  sentBytes = 0;

  setHandler(handler: CarrierHandler): void {
    this.#handler = handler;
  }

  send(pieces: readonly Uint8Array[], bytes: number): boolean {
    this.#sent.push(...pieces);
    this.sentBytes += bytes;
    return !this.#blocked;
  }

  close(): void {
    this.closed = true;
  }

  feed(bytes: Buffer): void {
    if (!this.closed) this.#handler?.data(bytes);
  }

  endByPeer(error?: PortalError): void {
    if (!this.closed) this.#handler?.close(error);
    this.closed = true;
  }

  /** From now on send() returns false. */
  block(): void {
    this.#blocked = true;
  }

  unblock(): void {
    this.#blocked = false;
    this.#handler?.drain();
  }

  take(): Buffer {
    const sent = Buffer.concat(this.#sent);
    this.#sent = [];
    return sent;
  }
}

/** Waits for everything scheduled in this event loop turn: a session sends once per turn. */
export async function settle(turns = 2): Promise<void> {
  for (let turn = 0; turn < turns; turn += 1)
    await new Promise<void>((resolve) => {
      setImmediate(resolve);
    });
}
