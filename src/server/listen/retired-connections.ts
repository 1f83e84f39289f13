// Retires TLS connections whose handshake had other requirements than the current settings. After a
// reload, a client without a certificate that is now required must not keep using its connection.
import type { Socket } from 'node:net';
import { Slices } from '../../kernel/work/slices.ts';
import type { RetiringProtocol } from '../server-host.ts';

interface Connection {
  readonly protocol: RetiringProtocol;
  readonly demands: string;
}

export class RetiredConnections {
  readonly #open = new Map<Socket, Connection>();
  #demands: string;

  constructor(demands: string) {
    this.#demands = demands;
  }

  /** Adds an open connection with the requirements of its handshake. */
  add(socket: Socket, protocol: RetiringProtocol, demands: string): void {
    this.#open.set(socket, { protocol, demands });
    socket.once('close', () => this.#open.delete(socket));
    // Its handshake began before the reload.
    if (demands !== this.#demands) protocol.retire(socket);
  }

  /**
   * Sets the requirements from now on, and retires connections with other ones in slices of the
   * event loop.
   */
  demand(demands: string): void {
    if (demands === this.#demands) return;
    this.#demands = demands;
    void new Slices().run(this.#retire(demands));
  }

  *#retire(demands: string): Generator<undefined, void> {
    for (const [socket, connection] of this.#open) {
      if (demands !== this.#demands) return;
      if (connection.demands !== demands) connection.protocol.retire(socket);
      yield;
    }
  }
}
