// The app of one row: reads raw bytes and plays scripted responses, on as many connections as the
// gateway opens. Records every request except the follow-up request, which checks that gateway and
// app still work and gets a fixed response.
import type { Duplex } from 'node:stream';
import type { AppSide, Step } from '../row.ts';
import { BytePeer } from './byte-peer.ts';
import { readMessages, type Message } from './read-messages.ts';
import type { Scene } from './scene.ts';

export const followUpPath = '/follow-up';
export const followUpBody = 'clean';
const followUpResponse = `HTTP/1.1 200 OK\r\nContent-Length: ${followUpBody.length}\r\n\r\n${followUpBody}`;

export interface SeenRequest {
  readonly connection: BytePeer;
  readonly message: () => Message;
}

export class RawApp {
  readonly connections: BytePeer[] = [];
  readonly requests: SeenRequest[] = [];
  /** Errors of steps that could not be played. */
  readonly failures: unknown[] = [];
  /** The connection that carried the follow-up request. */
  followUp: BytePeer | undefined = undefined;
  clientReceived: () => string = () => '';
  readonly #responses: AppSide['responses'];
  readonly #scene: Scene;
  readonly #playing = new Set<BytePeer>();

  constructor(responses: AppSide['responses'], scene: Scene) {
    this.#responses = responses;
    this.#scene = scene;
  }

  get received(): string {
    return this.connections.map(({ received }) => received).join('\n');
  }

  readonly accept = (stream: Duplex): void => {
    const connection = new BytePeer(stream, this.#scene);
    this.connections.push(connection);
    let handled = 0;
    const look = (): void => {
      const { messages } = read(connection);
      for (; handled < messages.length; handled += 1) this.#handle(connection, handled, messages[handled]);
    };
    stream.on('data', look);
    // Ends with the gateway, unless a script is still running and may send more.
    stream.on('end', () => {
      if (!this.#playing.has(connection)) stream.end();
    });
  };

  #handle(connection: BytePeer, index: number, first: Message | undefined): void {
    if (first?.start.includes(` ${followUpPath} `) === true) {
      this.followUp = connection;
      void connection.send(followUpResponse);
      return;
    }
    const message = (): Message => {
      const now = read(connection).messages[index];
      if (now === undefined) throw new Error('a request has disappeared');
      return now;
    };
    const script = this.#responses[this.requests.length];
    this.requests.push({ connection, message });
    const steps: readonly Step[] = typeof script === 'string' ? [{ wait: 'whole request' }, script] : (script ?? []);
    this.#playing.add(connection);
    connection
      .play(
        steps,
        () => this.clientReceived(),
        () => message().whole,
      )
      .catch((error: unknown) => this.failures.push(error))
      .finally(() => {
        this.#playing.delete(connection);
        if (connection.over) connection.stream.end();
      });
  }
}

/** All requests on a connection, and the bytes after them. */
export function read({ received, over }: BytePeer): ReturnType<typeof readMessages> {
  return readMessages(received, { kind: 'request', ended: over });
}
