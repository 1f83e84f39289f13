// Ends connections whose TLS handshake made other demands of the client than a handshake would make now: after a reload, a client without
// the certificate that is now required must not go on with a connection that it has.
import type { Socket } from 'node:net';
import { Slices } from '../kernel/slices.ts';
import type { RetiringProtocol } from './server-host.ts';

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

  /** A connection that is open, and what its handshake demanded. */
  add(socket: Socket, protocol: RetiringProtocol, demands: string): void {
    this.#open.set(socket, { protocol, demands });
    socket.once('close', () => this.#open.delete(socket));
    // Its handshake began before the reload.
    if (demands !== this.#demands) protocol.retire(socket);
  }

  /** From now on. Retires the connections with other demands, in slices of the event loop. */
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
